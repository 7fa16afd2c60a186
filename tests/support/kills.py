"""Kills processes of a running update at moments that the emulator or the playbook tells."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from support import ssh
from support.pulumi_project import Sandbox, stop

HELD_SECONDS = 4.0
"""How long the emulator holds the call at which the kill comes."""
PATIENCE_SECONDS = 240
Moment = Callable[[Sandbox], bool]
"""Whether the moment of the kill has come."""


def processes(pattern: str, below: int) -> list[int]:
    """Processes below one of ours whose command line matches."""
    parents: dict[int, int] = {}
    lines: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            lines[int(folder.name)] = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            )
        except OSError:
            continue
        parents[int(folder.name)] = int(status[1])
    return [
        pid
        for pid, line in lines.items()
        if re.search(pattern, line) and _is_below(pid, below, parents)
    ]


def _is_below(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid == ancestor:
            return True
        pid = parents[pid]
    return False


def _kill_plugin(_: Sandbox, update: int) -> None:
    for pid in processes(r"/components 127\.0\.0\.1", update):
        os.kill(pid, signal.SIGKILL)


def _kill_engine(_: Sandbox, update: int) -> None:
    os.kill(update, signal.SIGKILL)


def _kill_emulator(sandbox: Sandbox, _: int) -> None:
    os.kill(sandbox.lab("state")["pid"], signal.SIGKILL)


def _kill_ansible(_: Sandbox, update: int) -> None:
    for pid in processes(_RUNNER, update):
        os.kill(pid, signal.SIGKILL)


_RUNNER = r"kokunai\.plugin\.ansible\.runner"
TARGETS = {
    "plugin": _kill_plugin,
    "engine": _kill_engine,
    "emulator": _kill_emulator,
    "ansible": _kill_ansible,
}


def interrupted(sandbox: Sandbox, target: str, moment: Moment, *command: str) -> None:
    """Start an update and kill this process of it as soon as the moment has come."""
    update = sandbox.start(*command)
    try:
        wait_until(lambda: moment(sandbox), update)
        TARGETS[target](sandbox, update.pid)
        time.sleep(HELD_SECONDS)  # a held call of a dead client still has its effect
        sandbox.run("lab", "up")
        _end(update)
    finally:
        stop(update, signal.SIGKILL)
    sandbox.lab("faults", "DELETE")


def wait_until(come: Callable[[], bool], update: subprocess.Popen[str]) -> None:
    """Wait for a moment within an update that is still running."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not come():
        assert update.poll() is None, "the update ended before the moment came"
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.02)


def _end(update: subprocess.Popen[str]) -> None:
    try:
        update.wait(timeout=90)
    except subprocess.TimeoutExpired:
        stop(update, signal.SIGINT)
        update.wait(timeout=60)


def at_call(method: str, number: int, when: str) -> Moment:
    """While the emulator holds the call with this number, `before` or `after` its effect."""
    held = {"kind": "delay", "delay_seconds": HELD_SECONDS, "when": when, "count": 1}
    asked = False

    def come(sandbox: Sandbox) -> bool:
        nonlocal asked
        if not asked:
            sandbox.lab("faults", "POST", {**held, "method": method, "skip": number - 1})
            asked = True
        return bool(sandbox.lab("faults")["faults"][-1]["fired"])

    return come


def at_ansible(_: Sandbox) -> bool:
    """Once the playbook runs."""
    return bool(processes(_RUNNER, os.getpid()))


def at_file(path: str) -> Moment:
    """Once the playbook, while it runs, has written this file anew on the last node."""

    def come(sandbox: Sandbox) -> bool:
        servers = sorted(sandbox.api("server")["Servers"], key=lambda server: str(server["Name"]))
        addresses = [server["Interfaces"][0]["IPAddress"] for server in servers]
        if not addresses or not addresses[-1] or not at_ansible(sandbox):
            return False
        return ssh.run(sandbox.key, addresses[-1], f"test -e {path}").returncode == 0

    return come
