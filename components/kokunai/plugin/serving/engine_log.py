"""Sends lines to the engine's log in order, without making operations wait for it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from kokunai.foreign_text import shown_lines
from kokunai.language import chosen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

INFO = engine_pb2.LogSeverity.INFO
WARNING = engine_pb2.LogSeverity.WARNING
_FLUSH_SECONDS = 2.0
"""How long an operation waits for its lines; an engine that is gone must not delay it longer."""


class EngineLog:
    """Sends lines to the engine at `address`; an empty address sends them nowhere."""

    def __init__(self, address: str) -> None:
        self._queue: asyncio.Queue[engine_pb2.LogRequest] = asyncio.Queue()
        self._address = address

    def write(self, urn: str, message: str, severity: int = INFO, *, passing: bool = False) -> None:
        """Queue a line about a resource; a `passing` line is replaced by the next one.

        Here every line is cleaned, whoever wrote it, because names, hosts and APIs are quoted.
        """
        line = engine_pb2.LogRequest(
            severity=severity,  # type: ignore[arg-type]
            message=shown_lines(chosen(message)),
            urn=urn,
            ephemeral=passing,
        )
        if self._address:
            self._queue.put_nowait(line)

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send what is written while the block runs."""
        if not self._address:
            yield
            return
        async with grpc.aio.insecure_channel(self._address) as channel:
            sender = asyncio.create_task(self._send(engine_pb2_grpc.EngineStub(channel)))
            try:
                yield
            finally:
                await self.flush()
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sender

    async def flush(self) -> None:
        """Wait until all lines are sent, at most `_FLUSH_SECONDS`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), _FLUSH_SECONDS)

    async def _send(self, engine: engine_pb2_grpc.EngineStub) -> None:
        while True:
            line = await self._queue.get()
            # The engine may be gone already; a lost line is no reason to fail an operation.
            with contextlib.suppress(grpc.RpcError, TypeError):
                await engine.Log(line, timeout=_FLUSH_SECONDS)
            self._queue.task_done()
