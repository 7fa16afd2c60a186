"""Implements Pulumi's provider protocol, since the SDK's own server loses partial results."""

# mypy: disable-error-code="name-defined,attr-defined,no-untyped-call"
# Protobuf makes its names at run time, so a type checker does not see them.
# ruff: noqa: N802 - methods are called as the engine's protocol calls them

from __future__ import annotations

import asyncio
import contextlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from kokunai.errors import KokunaiError
from kokunai.plugin import redaction, schema
from kokunai.plugin.comparison import differences
from kokunai.plugin.kind import UNKNOWN, Configured, Kind, Noticing, Previewing, Props, Transition
from kokunai.plugin.serving import properties, responses
from kokunai.plugin.serving.data_guard import DataGuard
from kokunai.plugin.serving.operation import EngineOperation
from kokunai.plugin.serving.replacements import (
    LastDiff,
    Replacements,
    owner_named_in,
    owner_of,
    renaming_changes,
    with_owner,
)
from kokunai.plugin.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from kokunai.plugin.kind import Change
    from kokunai.plugin.module import Registry
    from kokunai.plugin.serving.engine_log import EngineLog

    Work = Callable[[Kind, EngineOperation], Awaitable[Any]]

VERSION = version("kokunai")
_QUICK_SECONDS = 600.0
"""Time limit of calls that have none of their own: check, diff and read."""


async def _is_absent(_: Any, __: Any, context: Any) -> Any:
    """Answer "unimplemented"; the generated stubs raise and print a traceback at every call."""
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not implemented")


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates the engine's calls into calls of kinds, and their outcomes back."""

    def __init__(self, registry: Registry, engine_log: EngineLog) -> None:
        self._registry = registry
        self._settings = Settings(registry.sections)
        self._config: Props = {}
        self._is_configured = False
        self._engine_log = engine_log
        self.replacements = Replacements()
        self.guard = DataGuard()
        self.stop = asyncio.Event()
        self._running = 0
        self.idle = asyncio.Event()
        self.idle.set()

    # Calls about the plugin itself. `List` streams, but an abort before its first item is the same.

    Handshake = Parameterize = Attach = GetMapping = GetMappings = _is_absent  # type: ignore[assignment]
    Invoke = Call = Construct = List = _is_absent  # type: ignore[assignment]

    async def GetPluginInfo(self, _: Any, __: Any) -> plugin_pb2.PluginInfo:
        """The plugin's version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    async def GetSchema(self, _: Any, __: Any) -> provider_pb2.GetSchemaResponse:
        """The schema, made from the kinds."""
        package = schema.package(VERSION, self._registry, self._settings)
        return provider_pb2.GetSchemaResponse(schema=json.dumps(package, ensure_ascii=False))

    async def CheckConfig(
        self, request: provider_pb2.CheckRequest, _: Any
    ) -> provider_pb2.CheckResponse:
        """Check the provider's inputs and mark credentials as secret."""
        new = properties.decode(request.news)
        props = self._settings.own(new.props)
        secrets = new.secrets | self._settings.secrets & props.keys()
        return provider_pb2.CheckResponse(
            inputs=properties.encode(props, secrets),
            failures=responses.failures(self._settings.problems(props), props),
        )

    async def DiffConfig(
        self, request: provider_pb2.DiffRequest, _: Any
    ) -> provider_pb2.DiffResponse:
        """No change of the configuration replaces the resources of the provider."""
        old = properties.decode(request.old_inputs or request.olds).props
        return responses.difference(differences(old, properties.decode(request.news).props))

    async def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Any
    ) -> provider_pb2.ConfigureResponse:
        """Take the configuration from the inputs, else from the environment."""
        given = properties.decode(request.args).props
        try:
            self._keep(self._settings.resolve(given))
        except Exception as error:  # noqa: BLE001 - every failure must reach the engine as a status
            await self._abort(context, error, (), self._mask([]))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def _keep(self, config: Props) -> None:
        """Keep the first configuration: a later one could send the credentials somewhere else."""
        if self._is_configured and config != self._config:
            known = self._config
            keys = sorted(key for key in {*config, *known} if config.get(key) != known.get(key))
            raise KokunaiError(
                ja=f"プロバイダーは設定済みです。別の値（{', '.join(keys)}）には変えられません。",
                en=f"the provider is configured already; other values ({', '.join(keys)}) "
                "are refused",
            )
        self._config, self._is_configured = config, True
        for kind in self._registry.kinds.values():
            if isinstance(kind, Configured):
                kind.configure(config)

    async def Cancel(self, _: Any, __: Any) -> Empty:
        """Ask every running operation to end soon and answer with what exists."""
        self.stop.set()
        return Empty()

    # Calls about one resource.

    async def Check(self, request: provider_pb2.CheckRequest, context: Any) -> Any:
        """The inputs with defaults filled in, and every mistake."""
        old, new = map(properties.decode, (request.olds, request.news))
        self.guard.has_program = True
        if old.props:
            self.replacements.recorded[request.urn] = old.props

        async def work(kind: Kind, _: EngineOperation) -> provider_pb2.CheckResponse:
            checked = await kind.check(Transition(old=old.props, new=new.props))
            return provider_pb2.CheckResponse(
                inputs=properties.encode(checked.inputs, new.secrets | kind.secret_properties),
                failures=responses.failures(checked.failures, new.props),
            )

        return await self._answer(request, context, work, new, seconds=_QUICK_SECONDS)

    async def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> Any:
        """What differs, and what needs a replacement."""
        transition = _transition(request)

        async def work(kind: Kind, op: EngineOperation) -> provider_pb2.DiffResponse:
            every = [*kind.diff(transition), *renaming_changes(kind, op, transition)]
            changes = [change for change in every if not _is_ignored(change, request.ignoreChanges)]
            replacing = [change for change in changes if change.replace]
            self.replacements.last_diffs[request.urn] = LastDiff(transition, replacing)
            self.replacements.held[request.urn] = frozenset({request.id, kind.identity(transition)})
            if isinstance(kind, Noticing):
                kind.notice(op, transition)
            return responses.difference(changes)

        return await self._answer(request, context, work, seconds=_QUICK_SECONDS)

    async def Create(self, request: provider_pb2.CreateRequest, context: Any) -> Any:
        """Create a resource; in a preview, only its known outputs."""
        new = properties.decode(request.properties)
        transition = Transition(new=new.props)

        async def work(kind: Kind, op: EngineOperation) -> provider_pb2.CreateResponse:
            id_, outputs = "", {}
            if request.preview:
                if replaced := await self.replacements.foreseen(kind, op, new.props):
                    self.guard.refuse_replacement(kind, op, replaced.before, replaced.changes)
                    replaced.explain(op)
                outputs = await _preview(kind, op, transition)
            else:
                await self.replacements.refuse_while_old_exists(kind, op)
                made = await kind.create(op, transition)
                id_, outputs = made.id, made.outputs
                self.replacements.made[request.urn] = id_
            secrets = new.secrets | kind.secret_properties
            return provider_pb2.CreateResponse(
                id=id_, properties=properties.encode(with_owner(kind, op, outputs), secrets)
            )

        return await self._answer(request, context, work, new)

    async def Read(self, request: provider_pb2.ReadRequest, context: Any) -> Any:
        """The resource as it is now; an empty id means that it does not exist."""
        state, old = map(properties.decode, (request.properties, request.inputs))
        transition = Transition(request.id, state.props, old.props)

        async def work(kind: Kind, op: EngineOperation) -> provider_pb2.ReadResponse:
            existing = await kind.read(op, transition)
            if existing is None:
                self.replacements.forget(request.urn)
                return provider_pb2.ReadResponse()
            secrets = kind.secret_properties | state.secrets | old.secrets
            return provider_pb2.ReadResponse(
                id=existing.id,
                properties=properties.encode(existing.outputs | owner_of(state.props), secrets),
                inputs=properties.encode(existing.inputs, secrets),
            )

        return await self._answer(request, context, work, state, old, seconds=_QUICK_SECONDS)

    async def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> Any:
        """Update a resource; in a preview, only its known outputs."""
        state, new = map(properties.decode, (request.olds, request.news))
        transition = _transition(request)

        async def work(kind: Kind, op: EngineOperation) -> provider_pb2.UpdateResponse:
            self.guard.refuse_update(kind, op, transition)
            if request.preview:
                _announce_power_off(op, kind.diff(transition))
                outputs = await _preview(kind, op, transition)
            else:
                outputs = await kind.update(op, transition)
            secrets = new.secrets | kind.secret_properties
            return provider_pb2.UpdateResponse(
                properties=properties.encode(with_owner(kind, op, outputs), secrets)
            )

        return await self._answer(request, context, work, new, state)

    async def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> Any:
        """Delete a resource, unless the create of its replacement has adopted it."""
        state, old = map(properties.decode, (request.properties, request.old_inputs))
        transition = Transition(request.id, {**old.props, **state.props}, old.props)

        async def work(kind: Kind, op: EngineOperation) -> Empty:
            if not self.replacements.must_keep(kind, op, request.id):
                self.guard.refuse_deletion(kind, op, transition.state)
                await kind.delete(op, transition)
            self.replacements.forget(request.urn)
            return Empty()

        return await self._answer(request, context, work, state, old)

    # Shared by the calls.

    async def _answer(
        self,
        request: Any,
        context: Any,
        work: Work,
        *given: properties.Decoded,
        seconds: float | None = None,
    ) -> Any:
        """The answer of `work`; an exception becomes a status without secrets."""
        kind = self._registry.kinds.get(_type_of(request.urn))
        if kind is None:
            return await context.abort(grpc.StatusCode.NOT_FOUND, self._no_kind(request.urn))
        secrets = kind.secret_properties.union(*(decoded.secrets for decoded in given))
        mask = self._mask(
            value for decoded in given for value in redaction.named(decoded.props, secrets)
        )
        op = self._operation(request, kind, seconds, mask)
        with self._counted():
            try:
                answer = await work(kind, op)
                await self._engine_log.flush()  # an answer must not overtake the lines about it
            except Exception as error:  # noqa: BLE001 - every failure must become a status
                await self._engine_log.flush()
                return await self._abort(context, error, secrets, mask)
            return answer

    @staticmethod
    async def _abort(
        context: Any, error: Exception, secrets: Iterable[str], mask: Callable[[str], str]
    ) -> None:
        ending = responses.abort_of(error, secrets, mask)
        await context.abort(ending.code, ending.message, ending.metadata)

    def _mask(self, values: Iterable[Any]) -> Callable[[str], str]:
        credentials = redaction.named(self._config, self._settings.secrets)
        return redaction.masking([*values, *credentials, *redaction.pairs(credentials)])

    def _operation(
        self, request: Any, kind: Kind, seconds: float | None, mask: Callable[[str], str]
    ) -> EngineOperation:
        given = getattr(request, "timeout", 0)
        return EngineOperation(
            urn=request.urn,
            config=self._config,
            engine_log=self._engine_log,
            stop=self.stop,
            timeout_seconds=given or seconds or kind.default_timeout_seconds,
            preview=getattr(request, "preview", False),
            owner=owner_named_in(request),
            held=self.replacements.held,
            is_recorded=self.replacements.is_recorded(request.urn),
            mask=mask,
        )

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        """Count the running calls, so that the process can wait for them at its end."""
        self._running += 1
        self.idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self.idle.set()

    def _no_kind(self, urn: str) -> str:
        name, known = _type_of(urn), ", ".join(sorted(self._registry.kinds))
        return f"種類 {name} はありません。使えるもの: {known}\nThere is no kind {name}."


def _transition(request: Any) -> Transition:
    """The transition of a diff or an update, whose requests have the same fields."""
    parts = (request.olds, request.old_inputs, request.news)
    return Transition(request.id, *(properties.decode(part).props for part in parts))


async def _preview(kind: Kind, op: EngineOperation, transition: Transition) -> Props:
    """The outputs known in a preview; a `Previewing` kind knows more than the inputs."""
    if isinstance(kind, Previewing):
        return await kind.preview(op, transition)
    computed = kind.schema().get("properties", {}).keys() - transition.new.keys()
    return {**transition.new, **dict.fromkeys(computed, UNKNOWN)}


def _announce_power_off(op: EngineOperation, changes: Iterable[Change]) -> None:
    off = [change for change in changes if change.power_off]
    paths = ", ".join(change.path for change in off)
    if off:
        ja = f"この変更では {op.name} の電源を切り、入れ直します（{paths}）"
        en = f"This change will power off {op.name} and boot it again ({paths})"
        op.warn(responses.in_both_languages(ja, en, off))


def _is_ignored(change: Change, ignored: Iterable[str]) -> bool:
    """Whether a change is drift of a property in ignoreChanges.

    The engine itself resets the ignored inputs.
    """
    return change.of_state and any(
        change.path == path or change.path.startswith((f"{path}.", f"{path}[")) for path in ignored
    )


def _type_of(urn: str) -> str:
    """The type in a URN, `urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::")[2].rpartition("$")[2]
