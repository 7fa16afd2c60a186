"""A client of the emulated IaaS API, with the few resources that every test needs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB test"
ARCHIVE_ID = "113700120201"


@dataclass
class SakuraAccount:
    """Calls an emulator over HTTP, in whatever process it is."""

    url: str
    http: httpx.Client
    zone: str = "is1a"

    @property
    def root(self) -> str:
        return f"{self.url}/cloud/zone"

    def call(
        self, method: str, path: str, body: Any = None, query: Any = None, **options: Any
    ) -> httpx.Response:
        url = httpx.URL(f"{self.root}/{self.zone}/api/cloud/1.1/{path}")
        if query is not None:
            # The API reads JSON after `?`; httpx would make pairs of it.
            text = query if isinstance(query, str) else json.dumps(query)
            url = url.copy_with(query=quote(text).encode())
        return self.http.request(method, url, json=body, **options)

    def get(self, path: str, **options: Any) -> dict[str, Any]:
        return self._fine(self.call("GET", path, **options))

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self._fine(self.call("POST", path, body))

    def put(self, path: str, body: Any = None) -> dict[str, Any]:
        return self._fine(self.call("PUT", path, body))

    def delete(self, path: str, body: Any = None) -> dict[str, Any]:
        return self._fine(self.call("DELETE", path, body))

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        response = self.call(method, path, body)
        answer = response.json()
        assert answer["is_fatal"] is True
        assert answer["status"].startswith(str(response.status_code))
        return response.status_code, answer["error_code"]

    def lab_url(self, path: str) -> str:
        return f"{self.url}/_lab/{path}"

    def faults(self, *faults: dict[str, Any]) -> None:
        response = self.http.post(self.lab_url("faults"), json=[*faults])
        assert response.status_code == 201, response.text

    def state(self) -> dict[str, Any]:
        return self.http.get(self.lab_url("state")).json()

    def wait_until_idle(self) -> dict[str, Any]:
        """Wait until the emulator has nothing left to do."""
        deadline = time.monotonic() + 20
        while (state := self.state())["busy"]:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return state

    def make_switch(self, name: str = "switch") -> str:
        return self.post("switch", {"Switch": {"Name": name}})["Switch"]["ID"]

    def make_server(self, *segments: Any, **fields: Any) -> dict[str, Any]:
        switches = [{"Scope": "shared"} if each == "shared" else each for each in segments]
        server = {
            "Name": "server",
            "ServerPlan": {"CPU": 1, "MemoryMB": 1024},
            "ConnectedSwitches": switches,
        }
        return self.post("server", {"Server": {**server, **fields}})["Server"]

    def make_disk(self, server_id: str = "", **extra: Any) -> dict[str, Any]:
        disk: dict[str, Any] = {
            "Name": "disk",
            "SizeMB": 20480,
            "Plan": {"ID": 4},
            "SourceArchive": {"ID": ARCHIVE_ID},
        }
        if server_id:
            disk["Server"] = {"ID": server_id}
        return self.post("disk", {"Disk": disk, **extra})["Disk"]

    def make_booting(self, *segments: Any, **config: Any) -> dict[str, Any]:
        """A server whose disk is being copied and that boots by itself after that."""
        server = self.make_server(*(segments or ("shared",)))
        self.make_disk(server["ID"], Config=config or {"HostName": "node"}, BootAtAvailable=True)
        return server

    def make_running(self, *segments: Any, **config: Any) -> dict[str, Any]:
        server = self.make_booting(*segments, **config)
        self.wait_until_idle()
        return self.get(f"server/{server['ID']}")["Server"]

    def status_of(self, server_id: str) -> str:
        return self.get(f"server/{server_id}")["Server"]["Instance"]["Status"]

    @staticmethod
    def _fine(response: httpx.Response) -> dict[str, Any]:
        assert response.status_code < 300, response.text
        answer = response.json()
        assert answer["is_ok"] is True
        return answer
