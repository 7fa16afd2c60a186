"""Waits for what other processes do, as long as needed and no longer."""

import time
from collections.abc import Callable
from pathlib import Path

_TICK_SECONDS = 0.02


def wait_until(is_true: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_true():
            return True
        time.sleep(_TICK_SECONDS)
    return is_true()


def wait_for_text(path: Path) -> str:
    """Return what another process wrote to `path`, a whole line at least."""
    if not wait_until(lambda: path.exists() and "\n" in path.read_text(), seconds=30):
        raise TimeoutError(path)
    return path.read_text()


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or dead and only not collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def ends_within(pid: int, *, seconds: float) -> bool:
    return wait_until(lambda: has_ended(pid), seconds=seconds)
