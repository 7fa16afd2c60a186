"""Kill it anywhere, run it again: the next `pulumi up` converges, no orphan, no duplicate."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import ssh
from support.pulumi_project import Sandbox, matches_state, stop

API_POINTS = {"POST": 4, "PUT": 3}
"""Kills at calls that change something, spread over one whole `up`; reads depend on the pace."""
HELD_SECONDS = 4.0
"""How long the emulator holds the call at which the kill comes."""
PATIENCE_SECONDS = 180


def _processes(pattern: str, below: int) -> list[int]:
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


def _kill_plugin(sandbox: Sandbox, up_pid: int) -> None:
    for pid in _processes(r"/components 127\.0\.0\.1", up_pid):
        os.kill(pid, signal.SIGKILL)


def _kill_engine(sandbox: Sandbox, up_pid: int) -> None:
    os.kill(up_pid, signal.SIGKILL)


def _kill_emulator(sandbox: Sandbox, up_pid: int) -> None:
    os.kill(sandbox.lab("state")["pid"], signal.SIGKILL)


TARGETS = {"plugin": _kill_plugin, "engine": _kill_engine, "emulator": _kill_emulator}


def _interrupted_up(sandbox: Sandbox, target: str, moment: Callable[[Sandbox], bool]) -> None:
    """An `up` whose process is killed as soon as the moment has come."""
    up = sandbox.start("pulumi", "up", "--yes", "--skip-preview", "--stack", "e2e")
    try:
        _await(lambda: moment(sandbox), lambda: up.poll() is None)
        TARGETS[target](sandbox, up.pid)
        time.sleep(HELD_SECONDS)  # a held call of a dead client still has its effect
        sandbox.run("lab", "up")
        _end(up)
    finally:
        stop(up, signal.SIGKILL)


def _await(moment: Callable[[], bool], alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not moment():
        assert alive(), "the update ended before the moment came"
        assert time.monotonic() < deadline, "the moment never came"
        time.sleep(0.02)


def _end(up: subprocess.Popen[str]) -> None:
    try:
        up.wait(timeout=60)
    except subprocess.TimeoutExpired:
        stop(up, signal.SIGINT)
        up.wait(timeout=60)


def _calls(sandbox: Sandbox, method: str) -> int:
    by_call: dict[str, int] = sandbox.lab("state")["calls"]["by_call"]
    return sum(count for call, count in by_call.items() if call.startswith(f"{method} "))


def _at_calls(method: str, calls: int) -> Iterator[Callable[[Sandbox], bool]]:
    """Moments at calls of a method, in turn before and after the call's effect."""
    points = API_POINTS[method]
    for point in range(points):
        yield _at_call(method, calls * point // points, ("before", "after")[point % 2])


def _at_call(method: str, skip: int, when: str) -> Callable[[Sandbox], bool]:
    """While the emulator holds the call after so many others of its method."""
    held = {"kind": "delay", "delay_seconds": HELD_SECONDS, "when": when, "count": 1}
    asked = False

    def come(sandbox: Sandbox) -> bool:
        nonlocal asked
        if not asked:
            sandbox.lab("faults", "POST", {**held, "method": method, "skip": skip})
            asked = True
        return bool(sandbox.lab("faults")["faults"][-1]["fired"])

    return come


def _at_ansible(sandbox: Sandbox) -> bool:
    return bool(_processes(r"kokunai\.plugin\.ansible\.runner", os.getpid()))


def _at_file(path: str) -> Callable[[Sandbox], bool]:
    """Once the playbook has written this file on the node."""

    def come(sandbox: Sandbox) -> bool:
        servers = sandbox.api("server")["Servers"]
        addresses = [server["Interfaces"][0]["IPAddress"] for server in servers]
        if not addresses or not addresses[0] or not _at_ansible(sandbox):
            return False
        return ssh.run(sandbox.key, addresses[0], f"test -e {path}").returncode == 0

    return come


PLAYBOOK = (_at_ansible, _at_file("/etc/sysctl.d/60-kokunai.conf"), _at_file("/etc/nccl.conf"))
"""The emulator has no part in the playbook; there it is killed at calls alone."""


@pytest.mark.parametrize("target", TARGETS)
def test_a_kill_at_any_point_of_an_up_is_mended_by_the_next_up(sandbox: Sandbox, target: str):
    sandbox.up()
    moments = [one for method in API_POINTS for one in _at_calls(method, _calls(sandbox, method))]

    for moment in [*moments, *(PLAYBOOK if target != "emulator" else ())]:
        _begin_anew(sandbox)
        _interrupted_up(sandbox, target, moment)
        sandbox.pulumi("cancel", "--yes", check=False)
        sandbox.up()
        matches_state(sandbox)
        assert sandbox.ssh("train-0", "hostname") == "e2e-train-0"


def _begin_anew(sandbox: Sandbox) -> None:
    sandbox.lab("faults", "DELETE")
    sandbox.pulumi("destroy", "--yes")
    sandbox.write_stack()


def test_one_ctrl_c_ends_an_up_in_time_and_the_next_up_goes_on(sandbox: Sandbox):
    up = sandbox.start("pulumi", "up", "--yes", "--skip-preview", "--stack", "e2e")
    _await(lambda: sandbox.api("disk")["Count"] > 0, lambda: up.poll() is None)

    stop(up, signal.SIGINT)
    asked = time.monotonic()
    up.wait(timeout=60)

    assert time.monotonic() - asked < 15
    sandbox.up()
    matches_state(sandbox)
