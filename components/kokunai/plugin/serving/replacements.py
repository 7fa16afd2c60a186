"""Keeps the create of a replacement from adopting the old resource, which has the same digest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kokunai.drivers.errors import DriverError
from kokunai.errors import KokunaiError
from kokunai.plugin.kind import OWNED_BY, OWNER, UNKNOWN, Change, Transition
from kokunai.plugin.serving import command_line, properties, responses

if TYPE_CHECKING:
    from kokunai.plugin.kind import Kind, Operation, Props


_ASKED_FOR = Change(
    "replace",
    replace=True,
    reason="コマンドラインかオプションで作り直しが指定されています / "
    "a replacement is asked for on the command line or by an option",
)


@dataclass(frozen=True)
class LastDiff:
    """The transition that a diff compared, and those of its changes that need a replacement."""

    transition: Transition
    replacing: list[Change]


@dataclass(frozen=True)
class Replaced:
    """What goes in a replacement, by its old inputs, and why."""

    before: Props
    changes: list[Change]

    def explain(self, op: Operation) -> None:
        """Warn why the resource is replaced.

        Said in the preview of the create, because the engine does not tell diff whether it runs in
        a preview.
        """
        paths = ", ".join(change.path for change in self.changes)
        ja, en = f"{op.name} を作り直します（{paths}）", f"{op.name} will be replaced ({paths})"
        op.warn(responses.in_both_languages(ja, en, self.changes))


class Replacements:
    """The last diff and the created id of each URN, for the one engine command of this process."""

    def __init__(self) -> None:
        self.last_diffs: dict[str, LastDiff] = {}
        self.made: dict[str, str] = {}
        self.held: dict[str, frozenset[str]] = {}
        """By URN, the ids that the state has: what a diff was asked about."""
        self.recorded: dict[str, Props] = {}
        """By URN, the old inputs, which the engine names to `check` before all else."""

    def is_recorded(self, urn: str) -> bool:
        """Whether the state has the resource: a replacement is checked without its old inputs."""
        return urn in self.recorded or urn in self.held or command_line.replaces(urn)

    async def foreseen(self, kind: Kind, op: Operation, new: Props) -> Replaced | None:
        """What the create in a preview will replace, None where it is the first one.

        A provider is not asked for a diff where the command line, another provider or the
        replacement of another resource demands it. There the size of what is lost is taken from
        what is known: for the command line the new inputs alone.
        """
        last_diff = self.last_diffs.get(op.urn)
        if last_diff is None:
            known = {op.urn: new} if command_line.replaces(op.urn) else {}
            before = {**known, **self.recorded}.get(op.urn)
            return None if before is None else Replaced(before, [_ASKED_FOR])
        if not last_diff.replacing and await _is_gone(kind, op, last_diff.transition):
            return None  # an interrupted replacement has deleted it already
        return Replaced(last_diff.transition.old, last_diff.replacing or [_ASKED_FOR])

    def forget(self, urn: str) -> None:
        """Drop the last diff of a resource that was deleted or does not exist."""
        self.last_diffs.pop(urn, None)
        self.held.pop(urn, None)

    async def refuse_while_old_exists(self, kind: Kind, op: Operation) -> None:
        """Before a create. Raises KokunaiError while the resource to be replaced still exists."""
        last_diff = self.last_diffs.get(op.urn)
        if last_diff is None or not kind.is_found_by_digest:
            return
        before = last_diff.transition
        existing = await kind.read(op, before)
        if existing is None:
            return
        now = replace(before, id=existing.id, state=existing.outputs)
        if kind.identity(now) == kind.identity(before):
            raise KokunaiError(
                ja=f"{op.name} は古いものを消してから作り直します。"
                "delete_before_replace=False は使えません。",
                en=f"{op.name} is replaced by deleting it first; "
                "delete_before_replace=False cannot be used.",
            )

    def must_keep(self, kind: Kind, op: Operation, id_: str) -> bool:
        """Whether a delete must leave the resource alone, because the create before it adopted it.

        `pulumi up --replace` creates first and asks for no diff, so that create finds the old
        resource by its digest.
        """
        kept = kind.is_found_by_digest and self.made.get(op.urn) == id_
        if kept:
            op.warn(
                f"{op.name}（{id_}）は作り直さず、入力に合わせただけです。作り直すには、"
                "リソースに delete_before_replace=True を付けるか、先に削除してください。\n"
                f"{op.name} ({id_}) was kept and brought to its inputs, not replaced; to replace "
                "it, give the resource delete_before_replace=True, or delete it first."
            )
        return kept


async def _is_gone(kind: Kind, op: Operation, before: Transition) -> bool:
    """Whether the API says that the old resource does not exist."""
    try:
        return await kind.read(op, before) is None
    except (KokunaiError, DriverError):
        return False


def with_owner(kind: Kind, op: Operation, outputs: Props) -> Props:
    """Outputs with the digest by which the resource can be found again."""
    if not kind.is_found_by_digest:
        return outputs
    return {**outputs, OWNER: UNKNOWN if outputs.get(OWNED_BY) is UNKNOWN else op.digest}


def owner_of(state: Props) -> Props:
    """The owner digest of a state, which a read keeps; empty after an import."""
    return {OWNER: state[OWNER]} if OWNER in state else {}


def renaming_changes(kind: Kind, op: Operation, transition: Transition) -> list[Change]:
    """The change that rewrites the digest of a resource whose URN or owner changed.

    Another resource may take the old URN, and its create would find this one by the old digest.
    What a version without owners made gets its owner in this way. What was imported without a
    mark has no digest and is not changed for that alone.
    """
    marked = transition.state.get(OWNER) if kind.is_found_by_digest else None
    is_same = marked == op.digest and transition.new.get(OWNED_BY) is not UNKNOWN
    if marked is None or is_same:
        return []
    reason = (
        "名前か所有者が変わったため、管理用タグを付け直します / "
        "name or owner changed, so its mark is written again"
    )
    return [Change(OWNER, of_state=True, reason=reason)]


def owner_named_in(request: Any) -> str:
    """The owner id that a call asks for, else the recorded one; empty while it is not known."""
    for name in ("news", "properties", "old_inputs", "inputs", "olds"):
        given = getattr(request, name, None)
        if given is not None and OWNED_BY in given.fields:
            only = type(given)(fields={OWNED_BY: given.fields[OWNED_BY]})
            owner = properties.decode(only).props.get(OWNED_BY, "")
            return owner if isinstance(owner, str) else ""
    return ""
