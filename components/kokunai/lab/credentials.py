"""Makes the dummy credentials of a lab, which are accepted by this lab only."""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kokunai.lab.places import Places


@dataclass(frozen=True)
class Credentials:
    """Key and secret that clients of all emulators send."""

    token: str
    secret: str


def credentials_of(places: Places) -> Credentials:
    """The credentials of a lab's directory; their texts say that they are dummies.

    The secret is made from a key that only the user can read, because programs on the lab's hosts
    can reach the port of the emulators and must not be able to compute it.
    """
    digest = hmac.digest(_key(), f"kokunai lab {places.lab_id}".encode(), "sha256").hex()
    return Credentials(f"lab-{places.lab_id}-dummy-token", f"lab-dummy-secret-{digest[:32]}")


def _key() -> bytes:
    """The user's random key, made once and kept outside of all labs, so that no copy has it."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(base) / "kokunai" / "lab.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".lab.key-{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(32))
        # Linking is atomic, so of two processes that start together one wins and both read its key.
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_bytes()
