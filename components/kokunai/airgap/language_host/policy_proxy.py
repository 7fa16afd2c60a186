"""Answers the engine for a policy pack that cannot start before the engine names the stack."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any

import grpc
from pulumi.runtime.proto import analyzer_pb2

from kokunai.airgap.language_host import CHANNEL_OPTIONS, LOOPBACK
from kokunai.callers import SameUserOnly

_SERVICE = "/pulumirpc.Analyzer/"


class PolicyProxy(grpc.GenericRpcHandler):
    """Answers until the pack runs, then passes every call on unchanged.

    The engine tells the stack's name and configuration by a call; a pack's SDK reads them from
    the environment when it starts. So the pack is started after that call, or, where the engine
    asks something else first, without them.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._stack: asyncio.Future[analyzer_pb2.AnalyzerStackConfigureRequest | None]
        self._stack = loop.create_future()
        self._pack: asyncio.Future[grpc.aio.Channel] = loop.create_future()
        self._server = grpc.aio.server(
            handlers=[self], interceptors=[SameUserOnly()], options=CHANNEL_OPTIONS
        )

    async def listen(self) -> int:
        """The port for the engine."""
        port: int = self._server.add_insecure_port(f"{LOOPBACK}:0")
        await self._server.start()
        return port

    async def await_environment(self) -> dict[str, str]:
        """The stack's facts as the pack's SDK reads them, once the engine told them."""
        return _stack_variables(await self._stack)

    async def attach(self, port: int) -> None:
        """Let the waiting calls through to the pack that listens on `port`."""
        channel = grpc.aio.insecure_channel(f"{LOOPBACK}:{port}", options=CHANNEL_OPTIONS)
        stack = self._stack.result()
        try:
            if stack is not None:
                await _configure(channel, stack)
        except ConnectionError as error:
            self.fail(str(error))
        else:
            self._pack.set_result(channel)

    def fail(self, reason: str) -> None:
        """Answer the waiting calls with `reason`: the pack did not come up."""
        if not self._pack.done():
            self._pack.set_exception(ConnectionError(reason))
            # Reading it keeps asyncio from warning where no call waits for it.
            self._pack.exception()

    async def close(self) -> None:
        await self._server.stop(None)
        if self._pack.done() and not self._pack.exception():
            await self._pack.result().close()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        own = {
            f"{_SERVICE}Handshake": self._handshake,
            f"{_SERVICE}ConfigureStack": self._configure_stack,
            f"{_SERVICE}Cancel": self._cancel,
        }
        passing = partial(self._forward, details.method)
        # Without serialisers a handler sees the bytes as they are.
        handler: grpc.RpcMethodHandler = grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call]
            own.get(details.method, passing)
        )
        return handler

    async def _handshake(self, _request: bytes, _context: object) -> bytes:
        return b""

    async def _configure_stack(self, request: bytes, _context: object) -> bytes:
        stack: Any = analyzer_pb2.AnalyzerStackConfigureRequest()
        stack.ParseFromString(request)
        if not self._stack.done():
            self._stack.set_result(stack)
        return b""

    async def _cancel(self, request: bytes, context: Any) -> bytes:
        # Before the pack runs there is nothing to cancel.
        if not self._pack.done():
            return b""
        return await self._forward(f"{_SERVICE}Cancel", request, context)

    async def _forward(self, method: str, request: bytes, context: Any) -> bytes:
        if not self._stack.done():
            self._stack.set_result(None)
        try:
            channel = await asyncio.shield(self._pack)
        except ConnectionError as error:
            return await _abort(context, grpc.StatusCode.UNAVAILABLE, str(error), ())
        try:
            return await _call(channel, method, request)
        except grpc.aio.AioRpcError as error:
            details = tuple(error.trailing_metadata() or ())
            return await _abort(context, error.code(), error.details() or "", details)


async def _call(channel: Any, method: str, request: bytes) -> bytes:
    answer: bytes = await channel.unary_unary(method)(request)
    return answer


async def _abort(
    context: Any, code: grpc.StatusCode, reason: str, details: tuple[Any, ...]
) -> bytes:
    await context.abort(code, reason, details)
    return b""  # abort raises, but its type does not say so.


def _serialised(message: Any) -> bytes:
    content: bytes = message.SerializeToString()
    return content


async def _configure(
    channel: grpc.aio.Channel, stack: analyzer_pb2.AnalyzerStackConfigureRequest
) -> None:
    """Tell the pack its stack by the call too; a pack that is older than the call has no answer."""
    try:
        await _call(channel, f"{_SERVICE}ConfigureStack", _serialised(stack))
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.UNIMPLEMENTED:
            raise ConnectionError(error.details()) from error


def _stack_variables(stack: analyzer_pb2.AnalyzerStackConfigureRequest | None) -> dict[str, str]:
    if stack is None:
        return {}
    return {
        "PULUMI_ORGANIZATION": stack.organization,
        "PULUMI_PROJECT": stack.project,
        "PULUMI_STACK": stack.stack,
        "PULUMI_DRY_RUN": "true" if stack.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(stack.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(stack.config_secret_keys)),
    }
