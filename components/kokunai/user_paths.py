"""The one way from a path that a person wrote to a path that a program opens."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kokunai.errors import KokunaiError


def absolute(root: Path, given: str) -> Path:
    """The path with `~` expanded, counted from `root` where it is relative, without `..`.

    Raises KokunaiError where it names the home of nobody or is no path at all.
    """
    try:
        path = Path(given).expanduser()
    except RuntimeError:
        raise KokunaiError(
            ja=f"{given} の ~ が指すホームディレクトリがありません。絶対パスで指定してください",
            en=f"there is no home directory for the ~ of {given}; give an absolute path",
        ) from None
    return Path(os.path.abspath(root / path))  # noqa: PTH100 - links must stay as they are


def ssh_value(path: object) -> str:
    """A path as the value of an option of ssh, which splits it at spaces and fills in `%` marks."""
    text = str(path).replace("%", "%%")
    if re.fullmatch(r"[\w./%+~-]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def require_file(path: Path, key: str) -> None:
    """Raises KokunaiError, naming the key of the stack file, where this is no readable file."""
    if path.is_file() and os.access(path, os.R_OK):
        return
    raise KokunaiError(
        ja=f"{key} の {path} を読めません。あるファイルのパスを指定してください",
        en=f"{path} of {key} cannot be read; give the path of a file that is there",
    )
