"""An engine for tests: real gRPC to a plugin, and a log that keeps every line."""

# ruff: noqa: ASYNC109 - the time-outs are the protocol's own

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from kokunai.plugin.module import Module, Registry
from kokunai.plugin.serving import properties
from kokunai.plugin.serving.engine_log import EngineLog
from kokunai.plugin.serving.server import Servicer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from kokunai.plugin.kind import Props

METADATA = [("grpc.max_metadata_size", 64 * 1024 * 1024)]
"""The engine's own limit is of this order; the one of the Python client is 8 KiB."""


def urn(pulumi_type: str, name: str) -> str:
    return f"urn:pulumi:dev::tests::{pulumi_type}::{name}"


class Failed(Exception):
    """A call that ended with a status."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(error.details())
        self.code = error.code()
        self.message = error.details() or ""
        self.unfinished: provider_pb2.ErrorResourceInitFailed | None = None
        for key, value in error.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                (detail,) = status_pb2.Status.FromString(value).details
                self.unfinished = provider_pb2.ErrorResourceInitFailed()
                assert detail.Unpack(self.unfinished)

    @property
    def id(self) -> str:
        assert self.unfinished is not None, self.message
        return self.unfinished.id

    @property
    def outputs(self) -> Props:
        assert self.unfinished is not None, self.message
        return properties.decode(self.unfinished.properties).props


@dataclass
class Log(engine_pb2_grpc.EngineServicer):
    """What was said, in order."""

    lines: list[tuple[int, bool, str]] = field(default_factory=list)

    async def Log(self, request: Any, context: Any) -> Empty:  # noqa: N802 - the protocol
        self.lines.append((request.severity, request.ephemeral, request.message))
        return Empty()

    def said(self, *, passing: bool = False) -> str:
        return "\n".join(text for _, ephemeral, text in self.lines if ephemeral == passing)


class Engine:
    """Calls of the engine as plain values."""

    def __init__(self, channel: grpc.aio.Channel, log: Log, servicer: Servicer) -> None:
        self.stub = provider_pb2_grpc.ResourceProviderStub(channel)
        self.log = log
        self.servicer = servicer

    def next_run(self) -> None:
        """Each run of the engine has a plugin process of its own, which is configured anew."""
        self.servicer._is_configured = False

    async def configure(self, config: Props) -> provider_pb2.ConfigureResponse:
        args = properties.encode(config, ["sakuraAccessTokenSecret"])
        return await self._call(self.stub.Configure(provider_pb2.ConfigureRequest(args=args)))

    async def check(
        self, where: str, news: Props, secrets: Iterable[str] = ()
    ) -> tuple[Props, dict[str, str]]:
        answer = await self.raw_check(where, news, secrets)
        return properties.decode(answer.inputs).props, {
            one.property: one.reason for one in answer.failures
        }

    async def raw_check(self, where: str, news: Props, secrets: Iterable[str] = ()) -> Any:
        request = provider_pb2.CheckRequest(urn=where, news=properties.encode(news, secrets))
        return await self._call(self.stub.Check(request))

    async def diff(  # noqa: PLR0917
        self,
        where: str,
        id_: str,
        state: Props,
        olds: Props,
        news: Props,
        ignore: Iterable[str] = (),
    ) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(
            urn=where, id=id_, olds=properties.encode(state), news=properties.encode(news)
        )
        request.old_inputs.CopyFrom(properties.encode(olds))
        request.ignoreChanges.extend(ignore)
        return await self._call(self.stub.Diff(request))

    async def create(
        self, where: str, news: Props, *, preview: bool = False, timeout: float = 0
    ) -> tuple[str, Props]:
        answer = await self.raw_create(where, news, preview=preview, timeout=timeout)
        return answer.id, properties.decode(answer.properties).props

    async def raw_create(
        self,
        where: str,
        news: Props,
        *,
        secrets: Iterable[str] = (),
        preview: bool = False,
        timeout: float = 0,
    ) -> Any:
        request = provider_pb2.CreateRequest(
            urn=where, properties=properties.encode(news, secrets), preview=preview, timeout=timeout
        )
        return await self._call(self.stub.Create(request))

    async def read(
        self, where: str, id_: str, state: Props | None = None, inputs: Props | None = None
    ) -> tuple[str, Props, Props]:
        request = provider_pb2.ReadRequest(
            urn=where,
            id=id_,
            properties=properties.encode(state or {}),
            inputs=properties.encode(inputs or {}),
        )
        answer = await self._call(self.stub.Read(request))
        return (
            answer.id,
            properties.decode(answer.inputs).props,
            properties.decode(answer.properties).props,
        )

    async def update(
        self,
        where: str,
        id_: str,
        state: Props,
        olds: Props,
        news: Props,
        *,
        preview: bool = False,
    ) -> Props:
        request = provider_pb2.UpdateRequest(
            urn=where,
            id=id_,
            olds=properties.encode(state),
            news=properties.encode(news),
            preview=preview,
        )
        request.old_inputs.CopyFrom(properties.encode(olds))
        answer = await self._call(self.stub.Update(request))
        return properties.decode(answer.properties).props

    async def delete(self, where: str, id_: str, state: Props, *, timeout: float = 0) -> None:
        request = provider_pb2.DeleteRequest(
            urn=where, id=id_, properties=properties.encode(state), timeout=timeout
        )
        # As in the process of another command, a destroy.
        self.servicer.replacements.made.clear()
        self.servicer.guard.has_program = False
        await self._call(self.stub.Delete(request))

    async def cancel(self) -> None:
        await self._call(self.stub.Cancel(Empty()))

    @staticmethod
    async def _call(call: Any) -> Any:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise Failed(error) from None


@contextlib.asynccontextmanager
async def running(*modules: Module) -> AsyncIterator[Engine]:
    """A plugin with these modules, and an engine beside it."""
    log, registry = Log(), Registry(modules)
    engine = grpc.aio.server()
    engine_pb2_grpc.add_EngineServicer_to_server(log, engine)
    address = f"127.0.0.1:{engine.add_insecure_port('127.0.0.1:0')}"
    await engine.start()
    engine_log = EngineLog(address)
    servicer = Servicer(registry, engine_log)
    plugin = grpc.aio.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, plugin)
    port = plugin.add_insecure_port("127.0.0.1:0")
    async with engine_log.sending():
        await plugin.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=METADATA) as channel:
            try:
                yield Engine(channel, log, servicer)
            finally:
                await engine_log.flush()
                await plugin.stop(grace=None)
                await registry.close()
    await engine.stop(grace=None)
    await asyncio.sleep(0)
