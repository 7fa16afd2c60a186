"""Reads the texts inside files and archives that a resource carries."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Unreadable(Exception):
    """The file is missing, too large, or of a type that is not read."""


def texts(path: Path, limit_bytes: int) -> Iterator[tuple[str, str]]:
    """Name and text of every file at `path`. Raises Unreadable beyond `limit_bytes` in total."""
    left = limit_bytes
    try:
        for name, raw in _files(path, limit_bytes):
            left -= len(raw)
            if left < 0:
                raise Unreadable
            yield name, raw.decode("utf-8", "replace")
    except (OSError, tarfile.TarError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError):
        raise Unreadable from None


def _files(path: Path, limit_bytes: int) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        yield from ((str(file.relative_to(path)), _head(file, limit_bytes)) for file in files)
    elif zipfile.is_zipfile(path):
        yield from _zip_members(path, limit_bytes)
    elif tarfile.is_tarfile(path):
        yield from _tar_members(path, limit_bytes)
    else:
        yield path.name, _head(path, limit_bytes)


def _head(path: Path, limit_bytes: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(limit_bytes + 1)


def _zip_members(path: Path, limit_bytes: int) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as stream:
                yield member.filename, stream.read(limit_bytes + 1)


def _tar_members(path: Path, limit_bytes: int) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for member in archive:
            if (stream := archive.extractfile(member)) is not None:
                yield member.name, stream.read(limit_bytes + 1)
