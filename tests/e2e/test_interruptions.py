"""Kill it anywhere, run it again: the next `pulumi up` converges, no orphan, no duplicate."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from support.pulumi_project import Sandbox, matches_state, stop

POINTS = 10


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


def _interrupted_up(sandbox: Sandbox, target: str, after_seconds: float) -> bool:
    """Whether the kill came before the end of the `up`."""
    up = sandbox.start("pulumi", "up", "--yes", "--skip-preview", "--stack", "e2e")
    deadline = time.monotonic() + after_seconds
    while time.monotonic() < deadline and up.poll() is None:
        time.sleep(0.02)
    in_time = up.poll() is None
    if in_time:
        TARGETS[target](sandbox, up.pid)
    sandbox.run("lab", "up")
    try:
        up.wait(timeout=60)
    except Exception:
        stop(up, signal.SIGINT)
        up.wait(timeout=60)
    finally:
        stop(up, signal.SIGKILL)
    return in_time


@pytest.mark.parametrize("target", TARGETS)
def test_a_kill_at_ten_points_of_an_up_is_mended_by_the_next_up(sandbox: Sandbox, target: str):
    started = time.monotonic()
    sandbox.up()
    whole_seconds = time.monotonic() - started

    for point in range(POINTS):
        after_seconds = whole_seconds * (point + 0.5) / POINTS
        _begin_anew(sandbox)
        # A machine with less to do now than then may be done before the kill: earlier, then.
        while not _interrupted_up(sandbox, target, after_seconds):
            after_seconds *= 0.8
            _begin_anew(sandbox)
        sandbox.pulumi("cancel", "--yes", check=False)
        sandbox.up()
        matches_state(sandbox)
        assert sandbox.ssh("train-0", "hostname") == "e2e-train-0"


def _begin_anew(sandbox: Sandbox) -> None:
    sandbox.pulumi("destroy", "--yes")
    sandbox.write_stack()


def test_one_ctrl_c_ends_an_up_in_time_and_the_next_up_goes_on(sandbox: Sandbox):
    up = sandbox.start("pulumi", "up", "--yes", "--skip-preview", "--stack", "e2e")
    time.sleep(5)

    stop(up, signal.SIGINT)
    asked = time.monotonic()
    up.wait(timeout=60)

    assert time.monotonic() - asked < 15
    sandbox.up()
    matches_state(sandbox)
