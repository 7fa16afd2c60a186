"""What the engine asks about the plugin itself: version, schema, configuration, cancellation."""

# mypy: disable-error-code="name-defined,attr-defined,no-untyped-call"
# Protobuf makes its names at run time, so a type checker does not see them.
# ruff: noqa: N802 - methods are called as the engine's protocol calls them

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from kokunai.plugin import schema, settings
from kokunai.plugin.comparison import differences
from kokunai.plugin.serving import answers, wire

if TYPE_CHECKING:
    from kokunai.plugin.kind import Registry

VERSION = "0.1.0"


async def _is_absent(_: Any, __: Any, context: Any) -> NoReturn:
    """The generated stubs raise instead, which prints a traceback at every question."""
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not implemented")
    raise AssertionError


class PackageServicer(provider_pb2_grpc.ResourceProviderServicer):
    """The calls that are about no resource."""

    def __init__(self, registry: Registry) -> None:
        self._kinds = registry.kinds
        self._config: dict[str, Any] = settings.resolve({})
        self.stop = asyncio.Event()

    # `List` streams in the protocol; an abort before the first item is the same.
    Handshake = Parameterize = Attach = GetMapping = GetMappings = _is_absent  # type: ignore[assignment]
    Invoke = Call = Construct = List = _is_absent  # type: ignore[assignment]

    async def GetPluginInfo(self, _: Any, __: Any) -> plugin_pb2.PluginInfo:
        """Only the version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    async def GetSchema(self, _: Any, __: Any) -> provider_pb2.GetSchemaResponse:
        """Made from the kinds."""
        package = schema.package(VERSION, self._kinds.values())
        return provider_pb2.GetSchemaResponse(schema=json.dumps(package, ensure_ascii=False))

    async def CheckConfig(
        self, request: provider_pb2.CheckRequest, _: Any
    ) -> provider_pb2.CheckResponse:
        """Every mistake at once; credentials become secrets."""
        news = wire.decode(request.news)
        props = settings.own(news.props)
        return provider_pb2.CheckResponse(
            inputs=wire.encode(props, news.secrets | settings.SECRETS & props.keys()),
            failures=answers.failures(settings.failures_of(props)),
        )

    async def DiffConfig(
        self, request: provider_pb2.DiffRequest, _: Any
    ) -> provider_pb2.DiffResponse:
        """Another configuration never replaces what it made."""
        olds = wire.decode(request.old_inputs or request.olds).props
        return answers.difference(differences(olds, wire.decode(request.news).props))

    async def Configure(
        self, request: provider_pb2.ConfigureRequest, _: Any
    ) -> provider_pb2.ConfigureResponse:
        """Inputs, else the environment."""
        self._config = settings.resolve(wire.decode(request.args).props)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    async def Cancel(self, _: Any, __: Any) -> Empty:
        """Every operation under way ends soon and says what exists."""
        self.stop.set()
        return Empty()
