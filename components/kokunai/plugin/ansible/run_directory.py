"""Makes a directory in memory for a run of Ansible and removes it however the run ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "KOKUNAI_ANSIBLE_RUN"
"""Environment variable that names the run's directory in every process the run started."""

_NEW, _LIVE = "kokunai-new-", "kokunai-run-"
_MOST_ROUNDS = 100
_NAMING_SECONDS = 60.0
"""Age after which a directory without its final name is abandoned; naming it takes a moment."""


def memory() -> Path:
    """A folder in memory; the temporary folder on machines without /dev/shm."""
    shared = Path("/dev/shm")  # noqa: S108 - the directory made in it is ours alone, mode 0700
    return shared if shared.is_dir() else Path(tempfile.gettempdir())


@contextmanager
def private_directory() -> Iterator[Path]:
    """A directory that only this user can enter; remains of killed runs are removed first.

    The lock is how another process tells a run that lives from one that was killed: the kernel
    lets go of it with the process. The directory gets its final name when the lock is held.
    """
    sweep()
    fresh = Path(tempfile.mkdtemp(prefix=_NEW, dir=memory()))
    lock = os.open(fresh / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    live = fresh.rename(memory() / fresh.name.replace(_NEW, _LIVE))
    try:
        yield live
    finally:
        _remove(live)
        os.close(lock)


def sweep() -> None:
    """End the processes and remove the directories of runs that were killed."""
    for directory in [*memory().glob(f"{_LIVE}*"), *memory().glob(f"{_NEW}*")]:
        with suppress(OSError):
            status = directory.stat()
            young = time.time() - status.st_mtime < _NAMING_SECONDS
            if directory.name.startswith(_NEW) and young:
                continue
            if status.st_uid == os.getuid() and not _is_alive(directory):
                _remove(directory)


def _is_alive(directory: Path) -> bool:
    try:
        lock = os.open(directory / "lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _remove(directory: Path) -> None:
    # Repeated, because a process may have started another one before it was killed.
    for _ in range(_MOST_ROUNDS):
        running = processes_of(directory)
        if not running:
            break
        for pid in running:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    shutil.rmtree(directory, ignore_errors=True)


def processes_of(directory: Path) -> list[int]:
    """Ansible's workers and SSH's connection masters: they leave our process group and session."""
    mark = f"{MARK}={directory}".encode()
    # A connection master overwrites its environment, and with it the mark, by this title.
    title = f"ssh: {directory}/".encode()
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            marked = mark in (process / "environ").read_bytes().split(b"\0")
            if marked or (process / "cmdline").read_bytes().startswith(title):
                pids.append(int(process.name))
    return [pid for pid in pids if pid != os.getpid()]
