"""Dummy credentials of a lab: they open this lab and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .places import Places


@dataclass(frozen=True)
class Access:
    token: str
    secret: str


def access_of(places: Places) -> Access:
    """The same for the same directory; worthless at any real endpoint, and the name says so."""
    digest = hashlib.sha256(f"kokunai lab {places.lab_id}".encode()).hexdigest()
    return Access(f"lab-{places.lab_id}-dummy-token", f"lab-dummy-secret-{digest[:32]}")


def environment_of(places: Places) -> dict[str, str]:
    """What a client needs to reach the lab."""
    access = access_of(places)
    return {
        "SAKURA_API_ROOT_URL": f"http://127.0.0.1:{places.port}/cloud/zone",
        "SAKURA_ACCESS_TOKEN": access.token,
        "SAKURA_ACCESS_TOKEN_SECRET": access.secret,
        "SAKURA_ZONE": "is1a",
    }
