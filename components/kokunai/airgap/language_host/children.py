"""Starts the processes of a user's code so that none of them outlives the host."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kokunai.airgap.errors import AirgapError

_LAUNCH = Path(__file__).with_name("launch.py")
_GRACE_SECONDS = 2.0


def watch_end(pid: int) -> "asyncio.Future[None]":
    """Return a future that is done when the process `pid` has ended."""
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
        self._ended = watch_end(process.pid)
        self._stopping: asyncio.Task[None] | None = None

    @property
    def was_stopped(self) -> bool:
        return self._stopping is not None

    async def wait(self) -> int:
        """Return the exit code; asyncio's own wait would also wait for the pipes to close."""
        await asyncio.shield(self._ended)
        if self._stopping:
            await asyncio.shield(self._stopping)
        # What it left behind may hold the host's own output, whose end the engine waits for.
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
            return  # collected: its number may be another's by now
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


def spawn(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, **options)
    except OSError as error:  # a directory that is gone, a configuration past the kernel's limit
        reason = f"{error.filename or 'exec'}: {error.strerror}"
        raise AirgapError(
            ja=f"プロセスを起動できません: {reason}", en=f"a process could not be started: {reason}"
        ) from error


class Children:
    """Every process of this host that is still running."""

    def __init__(self) -> None:
        self._running: set[Child] = set()

    def start(
        self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], piped: bool
    ) -> Child:
        """Run `command` in a session of its own: with pipes, or on the host's own output."""
        # Called in the main thread only: the kernel ties a child to the thread that started it.
        process = spawn(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command],
            cwd=cwd,
            env=dict(env),
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
