"""Translates problems, changes and exceptions into the engine's messages."""

# mypy: disable-error-code="name-defined,attr-defined,no-untyped-call"
# Protobuf makes its names at run time, so a type checker does not see them.

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from kokunai.drivers.errors import DriverError
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown_lines
from kokunai.language import chosen, worded
from kokunai.plugin.kind import Cancelled, Change, ChangeKind, InitFailed, reasons_of
from kokunai.plugin.messages import api_failure_text, bug_text
from kokunai.plugin.serving import properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kokunai.errors import Problem

_PLAIN = {
    ChangeKind.ADD: provider_pb2.PropertyDiff.ADD,
    ChangeKind.DELETE: provider_pb2.PropertyDiff.DELETE,
    ChangeKind.UPDATE: provider_pb2.PropertyDiff.UPDATE,
}
_REPLACING = {
    ChangeKind.ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    ChangeKind.DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    ChangeKind.UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


@dataclass(frozen=True)
class Abort:
    """The status with which a failed call ends."""

    code: grpc.StatusCode
    message: str
    metadata: tuple[tuple[str, bytes], ...] = ()


def failures(
    problems: Iterable[Problem], props: Mapping[str, Any]
) -> list[provider_pb2.CheckFailure]:
    """Check failures by property, in the reader's language.

    The engine prints the value of the property beside the reason: a list or a mapping, which it
    prints as `map[...]`, is named within the reason instead.
    """
    return [_failure(problem, props) for problem in problems]


def _failure(problem: Problem, props: Mapping[str, Any]) -> provider_pb2.CheckFailure:
    path = problem.path
    if isinstance(props.get(path), list | tuple | dict):
        reason = worded(f"{path}: {problem.ja}", f"{path}: {problem.en}")
        return provider_pb2.CheckFailure(reason=shown_lines(reason))
    return provider_pb2.CheckFailure(property=path, reason=shown_lines(problem.text))


def difference(changes: Sequence[Change]) -> provider_pb2.DiffResponse:
    """A detailed diff; replacements delete first, because capacity is scarce."""
    response = provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME
        if changes
        else provider_pb2.DiffResponse.DIFF_NONE,
        hasDetailedDiff=True,
        deleteBeforeReplace=True,  # also for `--replace`: what exists is found by its digest
        diffs=sorted({top_level(change.path) for change in changes}),
        replaces=sorted({top_level(change.path) for change in changes if change.replace}),
    )
    for change in changes:
        kinds = _REPLACING if change.replace else _PLAIN
        response.detailedDiff[change.path].kind = kinds[change.kind]
        response.detailedDiff[change.path].inputDiff = not change.of_state
    return response


def in_both_languages(ja: str, en: str, changes: Iterable[Change]) -> str:
    """A sentence in the reader's language, followed by the reasons of the changes."""
    return worded(*because(ja, en, changes))


def because(ja: str, en: str, changes: Iterable[Change]) -> tuple[str, str]:
    """A sentence in each language, followed by the reasons of the changes."""
    reasons = reasons_of(changes)
    return (
        f"{ja}: {'、'.join(reason for reason, _ in reasons)}。",
        f"{en}: {'; '.join(reason for _, reason in reasons)}.",
    )


def top_level(path: str) -> str:
    """The top-level property of a path: `disks` of `disks[0].sizeGib`."""
    return path.partition(".")[0].partition("[")[0]


def abort_of(
    error: Exception, secrets: Iterable[str] = (), mask: Callable[[str], str] = str
) -> Abort:
    """The status for an exception; only a bug has a traceback.

    Secrets are masked, and what could steer a terminal is taken out.
    """
    if isinstance(error, InitFailed):
        return _unfinished(error, secrets, mask)
    ending = _plain_abort(error)
    return replace(ending, message=shown_lines(mask(ending.message)))


def _plain_abort(error: Exception) -> Abort:
    if isinstance(error, KokunaiError):
        return Abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    if isinstance(error, Cancelled):
        return Abort(grpc.StatusCode.CANCELLED, worded("中断されました。", "Cancelled."))
    if isinstance(error, TimeoutError):
        message = chosen(str(error)) or worded("時間切れです。", "Timed out.")
        return Abort(grpc.StatusCode.DEADLINE_EXCEEDED, message)
    if isinstance(error, DriverError):
        return Abort(grpc.StatusCode.FAILED_PRECONDITION, api_failure_text(error))
    return Abort(grpc.StatusCode.INTERNAL, bug_text(error))


def _unfinished(error: InitFailed, secrets: Iterable[str], mask: Callable[[str], str]) -> Abort:
    """The status for an unfinished resource: the engine keeps its id and calls update next."""
    reasons = [shown_lines(mask(reason)) for reason in error.reasons]
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id, properties=properties.encode(error.outputs, secrets), reasons=reasons
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    message = "\n".join(reasons)
    status = status_pb2.Status(
        code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[packed]
    )
    metadata = (("grpc-status-details-bin", status.SerializeToString()),)
    return Abort(grpc.StatusCode.UNKNOWN, message, metadata)
