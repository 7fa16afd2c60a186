"""Reads and writes a lab's files about itself: `lab.json` and the daemon's process id."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kokunai.lab.places import Places


@dataclass(frozen=True)
class SavedState:
    """What the next start of the lab needs to know."""

    slot: int = 0
    """Port slot that the lab took."""
    hosts: str = ""
    """Kind of hosts, once chosen."""
    delays: dict[str, float] = field(default_factory=dict)
    """As given to `kokunai lab up`, for later starts too."""
    directory: str = ""
    """The lab's directory at its last start, from which the names on the machine are derived."""
    key: str = ""
    """File of the key that the lab's credentials are made from."""


def _path(directory: Path) -> Path:
    return directory / "lab.json"


def read_state_file(directory: Path) -> SavedState | None:
    """The saved state; None where no lab was started or the file is broken."""
    try:
        return SavedState(**json.loads(_path(directory).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_state_file(directory: Path, state: SavedState) -> None:
    """Write the file atomically."""
    partial = _path(directory).with_suffix(".partial")
    partial.write_text(json.dumps(asdict(state)), "utf-8")
    partial.replace(_path(directory))


def places_of(directory: Path) -> Places:
    """The places of a lab at its last start, or for its first start."""
    state = read_state_file(directory)
    return Places(directory, state.slot if state else 0)


def started_at(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return ""
    # The command in parentheses may contain spaces, so fields are counted from its end; the start
    # time is field 22.
    words = text.rpartition(")")[2].split()
    return "" if words[0] == "Z" else words[19]


def write_pid(places: Places) -> None:
    """Record this process as the lab's daemon."""
    pid = os.getpid()
    places.pid_file.write_text(f"{pid} {started_at(pid)} {places.lab_id}\n", "utf-8")


def living_pid(places: Places) -> int:
    """Process id of the daemon, or 0 when the file is stale, broken, missing or another lab's."""
    try:
        pid_text, start, lab_id = places.pid_file.read_text("utf-8").split()
        pid = int(pid_text)
    except (OSError, ValueError):
        return 0
    # In a copied directory the file is the original's, with another lab id.
    return pid if lab_id == places.lab_id and start and started_at(pid) == start else 0
