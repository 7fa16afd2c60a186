"""A lab for tests: the real emulator in its own process, without hosts and without delays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from kokunai.lab.emulators import environment_of
from kokunai.lab.inquiry import state_of
from kokunai.lab.state_file import places_of

if TYPE_CHECKING:
    from pathlib import Path

DELAYS = {"copy": 0.0, "boot": 0.0, "stop": 0.0}


class LabClient:
    """The emulator's address, its state, and its faults."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment: dict[str, str] = {}

    def start(self, **delays: float) -> None:
        command = [
            *(sys.executable, "-m", "kokunai.lab.daemon", "--directory", str(self.directory)),
            *("--hosts", "none", "--delays", json.dumps({**DELAYS, **delays})),
        ]
        self._process = subprocess.Popen(command, start_new_session=True)
        deadline = time.monotonic() + 20
        while state_of(self.directory) is None:
            assert time.monotonic() < deadline, "the lab did not start"
            assert self._process.poll() is None, "the lab ended"
            time.sleep(0.02)
        self.environment = environment_of(places_of(self.directory))

    def stop(self, number: int = signal.SIGTERM) -> None:
        os.kill(self._process.pid, number)
        self._process.wait(20)

    @property
    def config(self) -> dict[str, Any]:
        """The provider's configuration for this lab, without a pace."""
        return {
            "sakuraApiRootUrl": self.environment["SAKURA_API_ROOT_URL"],
            "sakuraAccessToken": self.environment["SAKURA_ACCESS_TOKEN"],
            "sakuraAccessTokenSecret": self.environment["SAKURA_ACCESS_TOKEN_SECRET"],
            "sakuraCallsPerSecond": 1000,
        }

    def fault(self, **fault: Any) -> None:
        """Make calls fail from now on."""
        self._ask("POST", "/_lab/faults", fault)

    def mend(self) -> None:
        """No more faults."""
        self._ask("DELETE", "/_lab/faults")

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._ask("GET", "/_lab/state")
        return state

    def settle(self) -> None:
        """Wait until nothing is being copied, booted or stopped."""
        while self.state()["busy"]:
            time.sleep(0.01)

    def counts(self) -> dict[str, int]:
        """How much there is of everything that there is."""
        return {name: count for name, count in self.state()["counts"].items() if count}

    def api(self, method: str, path: str, body: Any = None, zone: str = "is1a") -> Any:
        """A call as another client of the account makes it."""
        return self._ask(method, f"/cloud/zone/{zone}/api/cloud/1.1/{path}", body)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        root = self.environment["SAKURA_API_ROOT_URL"].removesuffix("/cloud/zone")
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(root + path, data, method=method)
        keys = [
            self.environment[name] for name in ("SAKURA_ACCESS_TOKEN", "SAKURA_ACCESS_TOKEN_SECRET")
        ]
        secrets = urllib.request.HTTPPasswordMgrWithPriorAuth()
        secrets.add_password(None, root, *keys, is_authenticated=True)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(secrets))
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")
