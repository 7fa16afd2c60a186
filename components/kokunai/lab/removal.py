"""Removes directories of the lab, but nothing that somebody mounted below them."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TABLE = Path("/proc/self/mountinfo")
_OCTAL = re.compile(rb"\\([0-7]{3})")


def remove(directory: Path, *, strictly: bool = False) -> list[Path]:
    """Remove a directory; absent is success. Returns the mount points below, which stay.

    Raises OSError for what cannot be removed, if `strictly`.

    A directory that is mounted there twice lies on the same file system, so the number of the
    file system would not tell.
    """
    # What is a link itself is removed as one, and what it leads to stays.
    place = Path(os.path.realpath(directory.parent)) / directory.name
    mounts = mounted_in(place)
    _remove(place, mounts, strictly=strictly)
    return mounts


def mounted_in(directory: Path) -> list[Path]:
    """Mount points at or below a directory, each once."""
    place = os.fsencode(os.path.realpath(directory.parent) / Path(directory.name))
    points = dict.fromkeys(_points())
    return [
        Path(os.fsdecode(point))
        for point in points
        if point == place or point.startswith(place.rstrip(b"/") + b"/")
    ]


def refuse_mounts(mounts: Iterable[Path]) -> None:
    """Raises KokunaiError naming mount points that were left, and how to take them away."""
    places = [shlex.quote(str(mount)) for mount in mounts]
    if places:
        lines = "".join(f"\n  umount {place}" for place in places)
        raise KokunaiError(
            ja="マウントされているものは消しませんでした。"
            f"外してから、もう一度実行してください:{lines}",
            en="what is mounted there was not deleted; unmount it and run this again",
        )


def _points() -> list[bytes]:
    try:
        lines = _TABLE.read_bytes().splitlines()
    except OSError:
        return []
    return [
        _OCTAL.sub(lambda digits: bytes([int(digits[1], 8)]), line.split(b" ")[4]) for line in lines
    ]


def _remove(path: Path, mounts: list[Path], *, strictly: bool) -> None:
    if path in mounts:
        return
    if not any(mount.is_relative_to(path) for mount in mounts):
        _remove_whole(path, strictly=strictly)
        return
    for child in list(path.iterdir()):
        _remove(child, mounts, strictly=strictly)


def _remove_whole(path: Path, *, strictly: bool) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=not strictly)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
