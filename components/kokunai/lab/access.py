"""Dummy credentials of a lab: they open this lab and nothing else."""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .places import Places


@dataclass(frozen=True)
class Access:
    token: str
    secret: str


def access_of(places: Places) -> Access:
    """The same for the same directory; worthless at any real endpoint, and the name says so.

    Only who may read the user's key can make the secret: hosts of the lab run as root.
    """
    digest = hmac.digest(_key(), f"kokunai lab {places.lab_id}".encode(), "sha256").hex()
    return Access(f"lab-{places.lab_id}-dummy-token", f"lab-dummy-secret-{digest[:32]}")


def _key() -> bytes:
    """Random, made once for a user; outside of every lab, so that no copy of a lab holds it."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(base) / "kokunai" / "lab.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".lab.key-{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(32))
        # The first of two that start together wins, and is never seen half written.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_bytes()


def environment_of(places: Places) -> dict[str, str]:
    """What a client needs to reach the lab."""
    access = access_of(places)
    return {
        "SAKURA_API_ROOT_URL": f"http://127.0.0.1:{places.port}/cloud/zone",
        "SAKURA_ACCESS_TOKEN": access.token,
        "SAKURA_ACCESS_TOKEN_SECRET": access.secret,
        "SAKURA_ZONE": "is1a",
    }
