"""Finds and ends a lab's processes by looking at /proc, since files may be wrong after a crash."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.hosts.names import MARK, NAMESPACES

if TYPE_CHECKING:
    from collections.abc import Callable

_PROC = Path("/proc")
_KILL_LIMIT_SECONDS = 15.0
_LISTENING = "0A"
_RECENT_SECONDS = 0.1


@dataclass(frozen=True)
class Process:
    """A living process of the machine."""

    pid: int
    namespace: int
    """Inode of its network namespace."""

    def mark(self) -> str:
        """Value of KOKUNAI_HOST in its environment, or empty; slow, so checked last."""
        prefix = f"{MARK}=".encode()
        with contextlib.suppress(OSError):
            for item in (_PROC / str(self.pid) / "environ").read_bytes().split(b"\0"):
                if item.startswith(prefix):
                    return item[len(prefix) :].decode(errors="replace")
        return ""

    def is_init(self) -> bool:
        """Whether it is process 1 of a pid namespace of its own."""
        with contextlib.suppress(OSError):
            for line in (_PROC / str(self.pid) / "status").read_text().splitlines():
                if line.startswith("NSpid:"):
                    numbers = line.split()[1:]
                    return len(numbers) > 1 and numbers[-1] == "1"
        return False


def everything() -> list[Process]:
    """All living processes; one that ends while being read is left out."""
    own = os.getpid()
    numbers = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    processes = (_look_at(number) for number in numbers if number != own)
    return [process for process in processes if process is not None]


class _Snapshot:
    """Shares one reading of /proc between waiting threads; 64 readings at once take seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = 0.0
        self._found: list[Process] = []

    def recent(self) -> list[Process]:
        """All living processes as of at most a tenth of a second ago."""
        with self._lock:
            if time.monotonic() - self._taken > _RECENT_SECONDS:
                self._found = everything()
                self._taken = time.monotonic()
            return self._found


recently = _Snapshot().recent
"""As `everything`, at most a tenth of a second old; only for waiting."""


def _look_at(pid: int) -> Process | None:
    try:
        namespace = (_PROC / str(pid) / "ns" / "net").stat().st_ino
    except OSError:
        return None
    return Process(pid=pid, namespace=namespace)


def select(
    candidates: list[Process], names: list[str], belongs: Callable[[str], bool]
) -> list[Process]:
    """Processes in the named namespaces, and those in unnamed ones whose mark belongs to it."""
    wanted = {inode(name) for name in names}
    known = {inode(path.name) for path in NAMESPACES.glob("*")}
    known.add((_PROC / "self" / "ns" / "net").stat().st_ino)
    return [
        process
        for process in candidates
        if process.namespace in wanted
        or (process.namespace not in known and belongs(process.mark()))
    ]


def inode(namespace: str) -> int | None:
    """Inode of a named network namespace; None when the name is absent or names nothing."""
    try:
        status = (NAMESPACES / namespace).stat()
        kernel = (_PROC / "self" / "ns" / "net").stat()
    except OSError:
        return None
    if status.st_dev != kernel.st_dev or status.st_ino == kernel.st_ino:
        return None  # an empty file left by a crash, or the machine's own namespace
    return status.st_ino


def in_namespace(namespace: str) -> list[Process]:
    """Processes in a named network namespace."""
    number = inode(namespace)
    return (
        []
        if number is None
        else [process for process in everything() if process.namespace == number]
    )


def end_all(find: Callable[[], list[Process]]) -> None:
    """Kill what `find` returns until it returns nothing, because a dying host may still fork."""
    limit = time.monotonic() + _KILL_LIMIT_SECONDS
    while left := find():
        if time.monotonic() > limit:
            numbers = ", ".join(str(process.pid) for process in left)
            raise KokunaiError(
                ja=f"プロセスが終了しません: {numbers}。",
                en=f"processes do not end: {numbers}.",
            )
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.02)


def listens(pid: int, port: int) -> bool:
    """Whether something in the process's network namespace listens on a TCP port."""
    wanted = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (_PROC / str(pid) / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(wanted) and fields[3] == _LISTENING:
                    return True
    return False


def has_address(pid: int, address: str) -> bool:
    """Whether the process's network namespace has the IPv4 address."""
    with contextlib.suppress(OSError):
        return f"|-- {address}\n" in (_PROC / str(pid) / "net" / "fib_trie").read_text()
    return False
