"""Asks a running lab for its state; quick to import, because every command does so."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any, cast

from kokunai.lab.credentials import credentials_of
from kokunai.lab.places import Places
from kokunai.lab.state_file import living_pid, places_of

if TYPE_CHECKING:
    from pathlib import Path

State = dict[str, Any]
_PROBED_SLOTS = 4


def ask(places: Places, path: str = "/_lab/state", *, seconds: float = 5) -> State | None:
    """The lab's answer; None when nothing or another lab answers."""
    connection = http.client.HTTPConnection("127.0.0.1", places.port, timeout=seconds)
    try:
        given = credentials_of(places).header
        connection.request("GET", path, headers={"Authorization": given})
        state: Any = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if not isinstance(state, dict) or state.get("lab_id") != places.lab_id:
        return None
    return cast("State", state)


def state_of(directory: Path) -> State | None:
    """The state of the lab in this directory; None when it is not running."""
    places = places_of(directory)
    return ask(places) if living_pid(places) else None


def find_daemon(places: Places) -> int:
    """Process id of the daemon by its file, else by what answers on the lab's ports; or 0."""
    pid = living_pid(places)
    if pid:
        return pid
    for slot in {places.slot, *range(_PROBED_SLOTS)}:
        state = ask(Places(places.directory, slot), seconds=1)
        if state is not None:
            return int(state["pid"])
    return 0
