"""What a lab writes down about itself, and whether the daemon it names still lives."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .places import Places


@dataclass(frozen=True)
class Record:
    """Kept in the lab's directory: the slot it took and how it was started."""

    slot: int = 0
    hosts: str = ""
    """Kind of hosts, once chosen."""
    delays: dict[str, float] = field(default_factory=dict)
    directory: str = ""
    """Where the lab lay when it last started: the names of all it leaves come from it."""


def _path(directory: Path) -> Path:
    return directory / "lab.json"


def read_record(directory: Path) -> Record | None:
    try:
        return Record(**json.loads(_path(directory).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(directory: Path, record: Record) -> None:
    """Whole or not at all."""
    partial = _path(directory).with_suffix(".partial")
    partial.write_text(json.dumps(asdict(record)), "utf-8")
    partial.replace(_path(directory))


def places_of(directory: Path) -> Places:
    """The places of a lab as it last ran, or as it would first run."""
    record = read_record(directory)
    return Places(directory, record.slot if record else 0)


def started_at(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return ""
    # The command in parentheses may hold spaces; field 22 counts from the one after it.
    words = text.rpartition(")")[2].split()
    return "" if words[0] == "Z" else words[19]


def write_pid(places: Places) -> None:
    pid = os.getpid()
    places.pid_file.write_text(f"{pid} {started_at(pid)} {places.lab_id}\n", "utf-8")


def living_pid(places: Places) -> int:
    """Process id of the daemon, or 0 when the file is stale, broken, missing or another lab's."""
    try:
        pid_text, start, lab_id = places.pid_file.read_text("utf-8").split()
        pid = int(pid_text)
    except (OSError, ValueError):
        return 0
    # A copied directory holds the file of the lab that it was copied from.
    return pid if lab_id == places.lab_id and start and started_at(pid) == start else 0
