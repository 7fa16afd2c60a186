"""Reads the body of an answer up to a limit, also while it is being unpacked."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from kokunai.drivers.json_reader import Unreadable

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 16 * 1024 * 1024
"""Of an unpacked body; a page of 200 servers with ten interfaces each is below 2 MiB."""
ACCEPTED_ENCODINGS = "gzip"
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_ANY_HEADER = 32 + zlib.MAX_WBITS
"""Makes zlib accept the header of gzip and of deflate."""


async def read_body(response: httpx.Response, most_bytes: int = MOST_BYTES) -> bytes:
    """The unpacked body of a streamed answer. Raises Unreadable as soon as it is too large.

    The library's own reader unpacks a whole chunk at once, and one chunk may hold gigabytes.
    """
    unpacker = _unpacker(response.headers.get("Content-Encoding", ""))
    body = bytearray()
    async for chunk in response.stream:  # type: ignore[union-attr]  # an asynchronous client's
        body += unpacker.unpack(chunk, most_bytes + 1 - len(body))
        if len(body) > most_bytes:
            mib = most_bytes // 1024**2
            raise Unreadable(f"{mib} MiB を超えています", f"it is larger than {mib} MiB")
    unpacker.finish()
    return bytes(body)


class _Plain:
    """What is not packed."""

    def unpack(self, chunk: bytes, most_bytes: int) -> bytes:
        """As much of the chunk as is wanted."""
        return chunk[:most_bytes]

    def finish(self) -> None:
        """There is no end to check."""


class _Zip:
    """gzip or deflate, never unpacked further than is wanted."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(_ANY_HEADER)

    def unpack(self, chunk: bytes, most_bytes: int) -> bytes:
        """The unpacked chunk, cut at `most_bytes`; more than that ends the reading anyway."""
        try:
            return self._engine.decompress(chunk, most_bytes)
        except zlib.error:
            raise _damaged() from None

    def finish(self) -> None:
        """Raises Unreadable when the end is missing."""
        if not self._engine.eof:
            raise _damaged()


def _unpacker(encoding: str) -> _Plain | _Zip:
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return _Plain()
    if name not in _PACKED:
        raise Unreadable("知らない形で圧縮されています", "it is packed in an unknown way")
    return _Zip()


def _damaged() -> Unreadable:
    return Unreadable("圧縮が壊れています", "it is packed wrongly")
