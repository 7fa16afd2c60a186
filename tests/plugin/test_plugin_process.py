"""The plugin as a process: its port, its signals, its silence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2_grpc

from kokunai.plugin.ansible import run_directory


def start(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *command, "127.0.0.1:9"],  # the discard port: no engine listens
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def port_of(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_and_quietly(project: Path, number: int) -> None:
    process = start(str(project / "components"))
    channel = grpc.insecure_channel(f"127.0.0.1:{port_of(process)}")
    info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=10)
    channel.close()

    before = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=10)

    assert info.version == "0.1.0"
    assert time.monotonic() - before < 2
    assert (process.returncode, out, err) == (0, b"", b"")


def test_what_a_run_left_that_was_killed_with_its_plugin_ends_at_the_next_start() -> None:
    directory = Path(tempfile.mkdtemp(prefix="kokunai-run-", dir=run_directory.memory()))
    (directory / "lock").touch()
    left = subprocess.Popen(["sleep", "60"], env={**os.environ, run_directory.MARK: str(directory)})

    process = start("-m", "kokunai.plugin")
    port_of(process)
    process.terminate()
    process.communicate(timeout=10)

    assert left.wait(timeout=10) == -signal.SIGKILL
    assert not directory.exists()


def test_it_does_not_outlive_the_process_that_started_it() -> None:
    script = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-m', 'kokunai.plugin', '127.0.0.1:9'],"
        " stdout=subprocess.PIPE);"
        "p.stdout.readline(); print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())

    parent.kill()
    parent.communicate()

    deadline = time.monotonic() + 10
    while _is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"
