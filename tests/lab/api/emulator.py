"""An emulator over real HTTP on a free port, with hosts that only remember, and its client."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import uvicorn

from kokunai.lab.access import Access, access_of
from kokunai.lab.api.app import build
from kokunai.lab.api.call import Lab
from kokunai.lab.caretaker import Caretaker, Delays
from kokunai.lab.machines import Machines, NoMachines
from kokunai.lab.slots import claim
from kokunai.lab.store import Store

AT_ONCE = Delays(copy_seconds=0, boot_seconds=0, stop_seconds=0)
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB test"
ARCHIVE_ID = "113700120201"


class Recorder(NoMachines):
    """Remembers what it was asked; a boot waits while `gate` is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, ...]] = []
        self.booted: dict[str, Any] = {}
        self.gate = threading.Event()
        self.gate.set()

    def ensure_switch(self, switch_id):
        self.calls.append(("ensure_switch", switch_id))

    def remove_switch(self, switch_id):
        self.calls.append(("remove_switch", switch_id))

    def boot(self, machine):
        self.gate.wait(30)
        self.calls.append(("boot", machine.server_id))
        self.booted[machine.server_id] = machine
        super().boot(machine)

    def power_off(self, server_id, *, force):
        self.calls.append(("power_off", server_id, force))
        super().power_off(server_id, force=force)

    def set_filter(self, server_id, interface_id, rules):
        self.calls.append(("set_filter", server_id, interface_id, rules))

    def remove_machine(self, server_id):
        self.calls.append(("remove_machine", server_id))

    def remove_disk(self, disk_id):
        self.calls.append(("remove_disk", disk_id))

    def ensure_nfs(self, appliance):
        self.calls.append(("ensure_nfs", appliance))

    def remove_nfs(self, appliance_id):
        self.calls.append(("remove_nfs", appliance_id))


@dataclass
class Api:
    """A client of one emulator, with the few resources that every test needs."""

    root: str
    http: httpx.Client
    machines: Any
    lab: Lab
    access: Access
    zone: str = "is1a"
    stop: Callable[[], None] = field(default=lambda: None)

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

    def faults(self, *rules: dict[str, Any]) -> None:
        response = self.http.post(self.root.replace("/cloud/zone", "/_lab/faults"), json=[*rules])
        assert response.status_code == 201, response.text

    def state(self) -> dict[str, Any]:
        return self.http.get(self.root.replace("/cloud/zone", "/_lab/state")).json()

    def settle(self) -> dict[str, Any]:
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

    def make_running(self, *segments: Any, **config: Any) -> dict[str, Any]:
        server = self.make_server(*(segments or ("shared",)))
        self.make_disk(server["ID"], Config=config or {"HostName": "node"}, BootAtAvailable=True)
        self.settle()
        return self.get(f"server/{server['ID']}")["Server"]

    def status_of(self, server_id: str) -> str:
        return self.get(f"server/{server_id}")["Server"]["Instance"]["Status"]

    @staticmethod
    def _fine(response: httpx.Response) -> dict[str, Any]:
        assert response.status_code < 300, response.text
        answer = response.json()
        assert answer["is_ok"] is True
        return answer


def _serve(server: uvicorn.Server, sockets: list[Any]) -> threading.Thread:
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=sockets)))
    thread.start()
    return thread


def open_emulator(directory: Path, machines: Machines, delays: Delays) -> Api:
    directory.mkdir(exist_ok=True)
    slot = claim(directory, None)
    store = Store(slot.places.store)
    lab = Lab(store, Caretaker(store, machines, slot.places, delays), slot.places)
    access = access_of(slot.places)
    config = uvicorn.Config(
        build(lab, access), http="h11", ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = _serve(server, [slot.server])
    lab.caretaker.resume()
    client = httpx.Client(auth=(access.token, access.secret), timeout=30, trust_env=False)

    def stop() -> None:
        client.close()
        server.should_exit = True
        thread.join()
        slot.server.close()
        slot.network_lock.close()
        getattr(machines, "gate", threading.Event()).set()
        lab.caretaker.close()
        store.close()

    root = f"http://127.0.0.1:{slot.places.port}/cloud/zone"
    return Api(root, client, machines, lab, access, stop=stop)
