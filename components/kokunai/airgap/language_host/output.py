"""Streams what a child prints, in the order it comes."""

import asyncio
from collections.abc import AsyncIterator
from typing import IO, Literal

from kokunai.airgap.language_host.children import Child

Chunk = tuple[Literal["stdout", "stderr"], bytes]

_CHUNK_BYTES = 64 * 1024
_DRAIN_SECONDS = 0.5


async def stream_output(child: Child) -> AsyncIterator[Chunk]:
    """Yield what `child` prints until it ended and its pipes are dry."""
    queue: asyncio.Queue[Chunk | None] = asyncio.Queue()
    readers = asyncio.gather(
        pump("stdout", child.process.stdout, queue),
        pump("stderr", child.process.stderr, queue),
    )
    end = asyncio.ensure_future(announce_end(child, readers, queue))
    try:
        while (chunk := await queue.get()) is not None:
            yield chunk
    finally:
        end.cancel()
        readers.cancel()
        await asyncio.gather(readers, end, return_exceptions=True)


async def pump(
    name: Literal["stdout", "stderr"],
    pipe: IO[bytes] | None,
    queue: "asyncio.Queue[Chunk | None]",
) -> None:
    stream = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    try:
        while data := await stream.read(_CHUNK_BYTES):
            queue.put_nowait((name, data))
    finally:
        transport.close()


async def announce_end(
    child: Child, readers: "asyncio.Future[tuple[None, None]]", queue: "asyncio.Queue[Chunk | None]"
) -> None:
    await child.wait()
    # A process it left behind may hold the pipes open for ever.
    await asyncio.wait([readers], timeout=_DRAIN_SECONDS)
    queue.put_nowait(None)
