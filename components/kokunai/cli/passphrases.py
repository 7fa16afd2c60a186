"""Tells which passphrase a stack was made with, where the engine only says that one is wrong."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.cli import stacks
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TEXT, _FILE = "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"
_SALT = re.compile(r"^encryptionsalt:\s*[\"']?(v1:\S+?)[\"']?\s*$", re.MULTILINE)
_ROUNDS, _KEY_BYTES = 1_000_000, 32
_CHECKED = b"pulumi"
"""What the engine encrypts into the salt, so that a wrong passphrase is noticed."""


def check(root: Path, command: Sequence[str], given: Mapping[str, str], own: Path) -> None:
    """Raises KokunaiError naming the passphrase that would be used and the one that is needed.

    `given` is the caller's environment, `own` the file of the project's passphrase. Trying one
    takes a second of computing, so the project's own is only tried where another was given.
    """
    stack = stacks.of_command(root, command, given)
    salt = _salt(root, stack) if Path(command[0]).name == "pulumi" and stack else None
    if salt is None:
        return
    name, used = _used(given)
    if name:
        if used is not None and opens(salt, used) is False:
            raise _wrong(stack, name, own.name if _is_right(salt, own) else "")
    elif not os.access(own, os.F_OK):
        raise KokunaiError(
            ja=f"スタック {stack} は別のパスフレーズで作られていて、それがここにはありません。"
            f"作ったときのパスフレーズを {own} か環境変数 {_TEXT} に入れてください。",
            en=f"stack {stack} was made with a passphrase that is not here; "
            f"put it into {own} or the environment variable {_TEXT}",
        )


def opens(salt: str, passphrase: str) -> bool | None:
    """Whether a stack with this salt was made with the passphrase; None where that is unknown."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        _, made_of, _, nonce, hidden = salt.split(":")
        parts = [base64.b64decode(part) for part in (made_of, nonce, hidden)]
    except (ImportError, ValueError):
        return None
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), parts[0], _ROUNDS, _KEY_BYTES)
    try:
        return AESGCM(key).decrypt(parts[1], parts[2], None) == _CHECKED
    except (InvalidTag, ValueError):
        return False


def _salt(root: Path, stack: str) -> str | None:
    """The salt in the stack's file."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        found = _SALT.search(stacks.files(root)[stacks.short(stack)].read_text("utf-8"))
        return found[1] if found else None
    return None


def _used(given: Mapping[str, str]) -> tuple[str, str | None]:
    """The variable that decides, and the passphrase as the engine reads it."""
    if _TEXT in given:
        return _TEXT, given[_TEXT]
    if given.get(_FILE):
        with contextlib.suppress(OSError, ValueError):
            return _FILE, Path(given[_FILE]).read_text("utf-8").strip()
        return _FILE, None
    return "", None


def _is_right(salt: str, own: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return bool(opens(salt, own.read_text("utf-8").strip()))
    return False


def _wrong(stack: str, name: str, own: str) -> KokunaiError:
    if own:
        return KokunaiError(
            ja=f"環境変数 {name} のパスフレーズではスタック {stack} を開けません。"
            f"このスタックは .kokunai/{own} のパスフレーズで作られました。"
            f"環境変数を外してください: unset {name}",
            en=f"the passphrase of {name} does not open stack {stack}, which was made with the one "
            f"in .kokunai/{own}: unset {name}",
        )
    return KokunaiError(
        ja=f"環境変数 {name} のパスフレーズではスタック {stack} を開けません。"
        ".kokunai/passphrase のものでもありません。作ったときのパスフレーズを指定してください。",
        en=f"the passphrase of {name} does not open stack {stack}, nor does .kokunai/passphrase; "
        "give the one that it was made with",
    )
