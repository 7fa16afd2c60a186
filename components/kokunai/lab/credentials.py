"""Makes the dummy credentials of a lab, which are accepted by this lab only."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.state_file import read_state_file
from kokunai.surroundings import home

if TYPE_CHECKING:
    from kokunai.lab.places import Places


@dataclass(frozen=True)
class Credentials:
    """Key and secret that clients of all emulators send."""

    token: str
    secret: str

    @property
    def header(self) -> str:
        """The Authorization header of a caller who knows them."""
        pair = f"{self.token}:{self.secret}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


def credentials_of(places: Places) -> Credentials:
    """The credentials of a lab's directory; their texts say that they are dummies.

    The secret is made from a key that only the user can read, because programs on the lab's hosts
    can reach the port of the emulators and must not be able to compute it.
    """
    digest = hmac.digest(
        _key(key_path(places)), f"kokunai lab {places.lab_id}".encode(), "sha256"
    ).hex()
    return Credentials(f"lab-{places.lab_id}-dummy-token", f"lab-dummy-secret-{digest[:32]}")


def key_path(places: Places) -> Path:
    """Where the key is: as the lab recorded it at its last start, else in this user's home.

    The record keeps a lab usable from a shell with another home.
    """
    saved = read_state_file(places.directory)
    recorded = Path(saved.key) if saved and saved.key else None
    if recorded is not None and _exists(recorded):
        return recorded
    base = os.environ.get("XDG_STATE_HOME") or home() / ".local" / "state"
    return Path(base) / "kokunai" / "lab.key"


def _exists(path: Path) -> bool:
    """Whether a key is there; one that this user must not look at counts, and is refused later."""
    try:
        return path.stat() is not None
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _key(path: Path) -> bytes:
    """The user's random key, made once and kept outside of all labs, so that no copy has it."""
    try:
        return _made(path)
    except OSError as problem:
        raise KokunaiError(
            ja=f"ラボの鍵 {path} を使えません（{problem.strerror}）。"
            "ラボを起動したユーザーで実行してください。",
            en=f"the lab's key {path} cannot be used ({problem.strerror}); "
            "run this as the user who started the lab",
        ) from problem


def _made(path: Path) -> bytes:
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
