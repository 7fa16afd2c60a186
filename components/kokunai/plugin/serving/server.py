"""The gRPC server of the plugin: everything Pulumi's own Python server leaves out is here."""

# mypy: disable-error-code="name-defined,attr-defined,no-untyped-call"
# Protobuf makes its names at run time, so a type checker does not see them.
# ruff: noqa: N802 - methods are called as the engine's protocol calls them

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2

from kokunai.plugin import settings
from kokunai.plugin.kind import UNKNOWN, Kind, Previewing, Props, Registry
from kokunai.plugin.serving import answers, hiding, wire
from kokunai.plugin.serving.operation import EngineOperation
from kokunai.plugin.serving.package import PackageServicer
from kokunai.plugin.serving.replacements import Replacements, Seen, marks_of, owned, renamed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from kokunai.plugin.kind import Change
    from kokunai.plugin.serving.journal import Journal

_QUICK_SECONDS = 600.0
"""For calls that have no timeout of their own: check and read."""


class Servicer(PackageServicer):
    """Translates the engine's calls into calls of kinds, and their outcomes back."""

    def __init__(self, registry: Registry, journal: Journal) -> None:
        super().__init__(registry)
        self._journal = journal
        self.replacements = Replacements()
        self._running = 0
        self.idle = asyncio.Event()
        self.idle.set()

    # What happens to resources

    async def Check(
        self, request: provider_pb2.CheckRequest, context: Any
    ) -> provider_pb2.CheckResponse:
        olds, news = wire.decode(request.olds), wire.decode(request.news)
        async with self._call(request, context, _QUICK_SECONDS, news) as (kind, op):
            checked = await kind.check(op, olds.props or None, news.props)
            return provider_pb2.CheckResponse(
                inputs=wire.encode(checked.inputs, news.secrets | kind.secret_properties),
                failures=answers.failures(checked.failures),
            )
        raise AssertionError  # the block above always answers or aborts

    async def Diff(
        self, request: provider_pb2.DiffRequest, context: Any
    ) -> provider_pb2.DiffResponse:
        state, olds, news = (
            wire.decode(one).props for one in (request.olds, request.old_inputs, request.news)
        )
        async with self._call(request, context, _QUICK_SECONDS) as (kind, op):
            found = [*kind.diff(request.id, state, olds, news), *renamed(kind, op, state)]
            changes = [one for one in found if not _ignored(one, request.ignoreChanges)]
            replacements = [one for one in changes if one.replace]
            self.replacements.seen[request.urn] = Seen(request.id, state, olds, replacements)
            return answers.difference(changes)
        raise AssertionError

    async def Create(
        self, request: provider_pb2.CreateRequest, context: Any
    ) -> provider_pb2.CreateResponse:
        news = wire.decode(request.properties)
        async with self._call(request, context, None, news) as (kind, op):
            hidden = news.secrets | kind.secret_properties
            if request.preview:
                self.replacements.explain(op)
                outputs = await _preview(kind, op, None, {}, {}, news.props)
                return provider_pb2.CreateResponse(
                    properties=wire.encode(owned(kind, op, outputs), hidden)
                )
            await self.replacements.guard(kind, op)
            made = await kind.create(op, news.props)
            self.replacements.made[request.urn] = made.id
            return provider_pb2.CreateResponse(
                id=made.id, properties=wire.encode(owned(kind, op, made.outputs), hidden)
            )
        raise AssertionError

    async def Read(
        self, request: provider_pb2.ReadRequest, context: Any
    ) -> provider_pb2.ReadResponse:
        state, inputs = wire.decode(request.properties), wire.decode(request.inputs)
        async with self._call(request, context, _QUICK_SECONDS, state, inputs) as (kind, op):
            found = await kind.read(op, request.id, state.props, inputs.props)
            if found is None:
                self.replacements.forget(request.urn)
                return provider_pb2.ReadResponse()  # an empty id says: it is gone
            hidden = kind.secret_properties | state.secrets | inputs.secrets
            return provider_pb2.ReadResponse(
                id=found.id,
                properties=wire.encode(found.outputs | marks_of(state.props), hidden),
                inputs=wire.encode(found.inputs, hidden),
            )
        raise AssertionError

    async def Update(
        self, request: provider_pb2.UpdateRequest, context: Any
    ) -> provider_pb2.UpdateResponse:
        state, olds, news = map(wire.decode, (request.olds, request.old_inputs, request.news))
        async with self._call(request, context, None, news, state) as (kind, op):
            hidden = news.secrets | kind.secret_properties
            if request.preview:
                changes = kind.diff(request.id, state.props, olds.props, news.props)
                self._announce_power_off(op, changes)
                outputs = await _preview(kind, op, request.id, state.props, olds.props, news.props)
            else:
                outputs = await kind.update(op, request.id, state.props, olds.props, news.props)
            return provider_pb2.UpdateResponse(
                properties=wire.encode(owned(kind, op, outputs), hidden)
            )
        raise AssertionError

    async def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> Empty:
        state, inputs = wire.decode(request.properties), wire.decode(request.old_inputs)
        async with self._call(request, context, None, state, inputs) as (kind, op):
            if not self.replacements.keeps(kind, op, request.id):
                await kind.delete(op, request.id, {**inputs.props, **state.props})
            self.replacements.forget(request.urn)
            return Empty()
        raise AssertionError

    # What the calls share

    @contextlib.asynccontextmanager
    async def _call(
        self, request: Any, context: Any, seconds: float | None, *given: wire.Decoded
    ) -> AsyncIterator[tuple[Kind, EngineOperation]]:
        """The kind and the operation of a request; an exception becomes a status."""
        kind = await self._kind(request.urn, context)
        secrets = kind.secret_properties.union(*(one.secrets for one in given))
        values = [value for one in given for value in hiding.named(one.props, secrets)]
        mask = hiding.masking([*values, *hiding.named(self._config, settings.SECRETS)])
        op = EngineOperation(
            urn=request.urn,
            config=self._config,
            journal=self._journal,
            stop=self.stop,
            timeout_seconds=getattr(request, "timeout", 0)
            or seconds
            or kind.default_timeout_seconds,
            preview=getattr(request, "preview", False),
            mask=mask,
        )
        self._running += 1
        self.idle.clear()
        try:
            yield kind, op
            await self._journal.flush()  # an answer must not overtake the lines about it
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - every failure must reach the engine as a status
            await self._journal.flush()
            ending = answers.abort_of(error, secrets, mask)
            await context.abort(ending.code, ending.message, ending.metadata)
        finally:
            self._running -= 1
            if not self._running:
                self.idle.set()

    async def _kind(self, urn: str, context: Any) -> Kind:
        token, known = _type_of(urn), ", ".join(sorted(self._kinds))
        if token not in self._kinds:
            message = f"種類 {token} はありません。使えるもの: {known}\nThere is no kind {token}."
            await context.abort(grpc.StatusCode.NOT_FOUND, message)
        return self._kinds[token]

    @staticmethod
    def _announce_power_off(op: EngineOperation, changes: list[Change]) -> None:
        off = [change for change in changes if change.power_off]
        paths = ", ".join(change.path for change in off)
        if off:
            ja = f"この変更では {op.name} の電源を切り、入れ直します ({paths})"
            en = f"This change will power off {op.name} and boot it again ({paths})"
            op.warn(answers.in_both_languages(ja, en, off))


async def _preview(  # noqa: PLR0917 - the arguments of `update`
    kind: Kind, op: EngineOperation, id_: str | None, state: Props, olds: Props, news: Props
) -> Props:
    """Outputs as far as they are known: a kind that is `Previewing` knows more."""
    if isinstance(kind, Previewing):
        return await kind.preview(op, id_, state, olds, news)
    computed = kind.schema().get("properties", {}).keys() - news.keys()
    return {**news, **dict.fromkeys(computed, UNKNOWN)}


def _ignored(change: Change, ignored: Iterable[str]) -> bool:
    """Inputs were reset by the engine already; drift of an ignored property is left alone."""
    return change.of_state and any(
        change.path == one or change.path.startswith((f"{one}.", f"{one}[")) for one in ignored
    )


def _type_of(urn: str) -> str:
    """`urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::")[2].rpartition("$")[2]
