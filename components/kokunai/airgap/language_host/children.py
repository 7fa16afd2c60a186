"""Starts the processes of a user's code, streams their output and lets none outlive the host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from kokunai.errors import KokunaiError
from kokunai.surroundings import direct_loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

_LAUNCH = Path(__file__).with_name("launch.py")
_GRACE_SECONDS = 2.0
_CHUNK_BYTES = 64 * 1024
_DRAIN_SECONDS = 0.5

Chunk = tuple[Literal["stdout", "stderr"], bytes]


def _watch_end(pid: int) -> asyncio.Future[None]:
    """A future that is done when the process `pid` has ended."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    descriptor = os.pidfd_open(pid)

    def notice() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        if not ended.done():
            ended.set_result(None)

    loop.add_reader(descriptor, notice)
    return ended


class Child:
    """One process and everything in its process group."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._ended = _watch_end(process.pid)
        self._stopping: asyncio.Task[None] | None = None

    @property
    def was_stopped(self) -> bool:
        return self._stopping is not None

    async def wait(self) -> int:
        """The exit code; asyncio's own wait would also wait for the pipes to close."""
        await asyncio.shield(self._ended)
        if self._stopping:
            await asyncio.shield(self._stopping)
        # Remaining processes may hold the host's output open, for whose end the engine waits.
        self._signal(signal.SIGKILL)
        return self.process.wait()

    async def stop(self) -> None:
        """Interrupt the whole group, and kill what is left of it after the grace period."""
        if self._ended.done() and not self._stopping:
            return
        if not self._stopping:
            self._stopping = asyncio.create_task(self._stop())
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        self._signal(signal.SIGINT)
        await asyncio.wait([self._ended], timeout=_GRACE_SECONDS)
        self._signal(signal.SIGKILL)
        await asyncio.shield(self._ended)
        self.process.wait()

    def _signal(self, number: int) -> None:
        if self.process.returncode is not None:
            return  # The process was collected, and its number may belong to another one by now.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def _spawn(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, **options)
    # For example the directory is gone, or the configuration exceeds the kernel's limit.
    except OSError as error:
        reason = f"{error.filename or 'exec'}: {error.strerror}"
        raise KokunaiError(
            ja=f"プロセスを起動できません: {reason}", en=f"a process could not be started: {reason}"
        ) from error


class Children:
    """Every process of this host that is still running."""

    def __init__(self) -> None:
        self._running: set[Child] = set()

    def start(
        self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], piped: bool
    ) -> Child:
        """Run `command` in a session of its own, with pipes or on the host's own output.

        Call it in the main thread: the kernel ties a child to the thread that started it.
        """
        process = _spawn(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command],
            cwd=cwd,
            env={**env, **direct_loopback(env)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else None,
            stderr=subprocess.PIPE if piped else None,
            start_new_session=True,
        )
        child = Child(process)
        self._running.add(child)
        return child

    async def stop(self, child: Child) -> None:
        await child.stop()
        self._running.discard(child)

    async def stop_all(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._running))


async def stream_output(child: Child) -> AsyncIterator[Chunk]:
    """Yield what `child` prints, in order, until it has ended and its pipes are empty."""
    queue: asyncio.Queue[Chunk | None] = asyncio.Queue()
    readers = asyncio.gather(
        _pump("stdout", child.process.stdout, queue),
        _pump("stderr", child.process.stderr, queue),
    )
    end = asyncio.ensure_future(_announce_end(child, readers, queue))
    try:
        while (chunk := await queue.get()) is not None:
            yield chunk
    finally:
        end.cancel()
        readers.cancel()
        await asyncio.gather(readers, end, return_exceptions=True)


async def _pump(
    name: Literal["stdout", "stderr"],
    pipe: IO[bytes] | None,
    queue: asyncio.Queue[Chunk | None],
) -> None:
    stream = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    try:
        while data := await stream.read(_CHUNK_BYTES):
            queue.put_nowait((name, data))
    finally:
        transport.close()


async def _announce_end(
    child: Child, readers: asyncio.Future[tuple[None, None]], queue: asyncio.Queue[Chunk | None]
) -> None:
    await child.wait()
    # The wait is limited, because a process that the child left behind may hold the pipes open.
    await asyncio.wait([readers], timeout=_DRAIN_SECONDS)
    queue.put_nowait(None)
