"""Gives each host its own control group, since guests in one group would share systemd's tree."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_LIMIT_SECONDS = 5.0


def hierarchies() -> list[Path]:
    """Where systemd keeps its control groups: version 2, or the parts of the hybrid layout."""
    if (_ROOT / "cgroup.controllers").exists():
        return [_ROOT]
    return [_ROOT / name for name in ("systemd", "unified") if (_ROOT / name).is_dir()]


def make(lab: str, server_id: str) -> list[Path]:
    """Directories of one host, made if absent."""
    directories = [hierarchy / lab / server_id for hierarchy in hierarchies()]
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
    return directories


def remove(lab: str, server_id: str = "") -> None:
    """Remove a host's directories, or the lab's; nothing may run in them.

    A process that has just been killed holds its directory until its parent has noticed.
    """
    left = [hierarchy / lab / server_id for hierarchy in hierarchies()]
    limit = time.monotonic() + _LIMIT_SECONDS
    while left and time.monotonic() < limit:
        for directory in left:
            _remove_tree(directory)
        left = [directory for directory in left if directory.exists()]
        if left:
            time.sleep(0.02)


def _remove_tree(directory: Path) -> None:
    # The kernel keeps the files inside, so directories are removed with rmdir, the deepest first.
    with contextlib.suppress(OSError):
        for child in [entry for entry in directory.iterdir() if entry.is_dir()]:
            _remove_tree(child)
        directory.rmdir()
