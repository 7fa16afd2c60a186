"""Keeps the hosts' SSH keys of the state in a file of the project, for logins by hand."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kokunai import user_paths
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CONFIGURATION = "kokunai:ansible:Configuration"
_FOLDER = Path(".kokunai/known_hosts")
# Host, type of key, key: what a host made up never becomes a second line or an option.
_LINE = re.compile(r"[][A-Za-z0-9.:%-]+ [a-z0-9@.-]+ [A-Za-z0-9+/=]+")


def lines_of(state: Mapping[str, Any]) -> list[str]:
    """Lines of known_hosts from a stack's state, as `pulumi stack export` prints it."""
    return [
        line
        for row in state.get("resources") or []
        if row.get("type") == _CONFIGURATION and not row.get("delete")
        for lines in ((row.get("outputs") or {}).get("hostKeys") or {}).values()
        for line in lines
        if isinstance(line, str) and _LINE.fullmatch(line)
    ]


def keep(root: Path, stack: str, lines: Iterable[str]) -> Path | None:
    """Write the file of a stack anew and return its path; without a key there is no file.

    A cluster made again has other keys at the same addresses, so no older line may stay. Raises
    KokunaiError where the project cannot be written to and the file does not hold the lines yet.
    """
    file = root / _FOLDER / re.sub(r"[^A-Za-z0-9._-]", "_", stack)
    text = "".join(f"{line}\n" for line in lines)
    try:
        if not text:
            file.unlink(missing_ok=True)
        elif not _holds(file, text):
            _write(file, text)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise KokunaiError(
            ja=f"ホスト鍵のファイル {file} を書けません（{reason}）。ログインのとき、ssh は"
            "ホスト鍵を確かめるよう尋ねます",
            en=f"cannot write the host keys to {file} ({reason}); ssh will ask about the key of "
            "a host at a login",
        ) from None
    return file if text else None


def _holds(file: Path, text: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)


def option(file: Path | None, shown: str = "") -> str:
    """The argument that makes ssh look into the file, as a shell takes it; empty without one.

    `shown` is the path to print where it is shorter than the file's own.
    """
    if file is None:
        return ""
    value = user_paths.ssh_value(shown or file)
    return f"-o {shlex.quote(f'UserKnownHostsFile={value}')}"
