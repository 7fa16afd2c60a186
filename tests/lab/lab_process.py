"""A lab in its own process, started, asked, killed and stopped as a user does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sakura_account import SakuraAccount

from kokunai.lab.places import Places
from kokunai.lab.state_file import living_pid, places_of, started_at

QUICK = ("--copy-seconds", "0", "--boot-seconds", "0", "--stop-seconds", "0")


def command_of(command: str, directory: Path, *options: str) -> list[str]:
    """The words of `kokunai lab ...`, run by this very Python."""
    program = [sys.executable, "-c", "from kokunai.cli import main; main()"]
    return [*program, "lab", command, "--directory", str(directory), *options]


def wait_until(holds: Callable[[], Any], seconds: float = 60, pause: float = 0.02) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(pause)


@dataclass
class LabProcess:
    """The commands of one lab, and a client of what it emulates."""

    directory: Path
    hosts: str = "none"
    umask: int = -1

    def run(
        self, command: str, *options: str, code: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command_of(command, self.directory, *options),
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            umask=self.umask,
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done

    def up(
        self, *options: str, code: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run("up", "--hosts", self.hosts, *options, code=code, **environment)

    @property
    def places(self) -> Places:
        return places_of(self.directory)

    @property
    def pid(self) -> int:
        return living_pid(self.places)

    def kill(self) -> None:
        pid, start = self.pid, started_at(self.pid)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: started_at(pid) != start, pause=0.005)

    def variables(self) -> dict[str, str]:
        return json.loads(self.run("env", "--json").stdout)

    def client(self) -> httpx.Client:
        """With the credentials that `kokunai lab env` gives."""
        variables = self.variables()
        auth = (variables["SAKURA_ACCESS_TOKEN"], variables["SAKURA_ACCESS_TOKEN_SECRET"])
        root = f"{variables['SAKURA_API_ROOT_URL']}/is1a/api/cloud/1.1/"
        return httpx.Client(base_url=root, auth=auth, trust_env=False, timeout=60)

    def account(self, client: httpx.Client) -> SakuraAccount:
        return SakuraAccount(self.places.url, client)

    def state(self) -> dict[str, Any]:
        return json.loads(self.run("status", "--json").stdout)
