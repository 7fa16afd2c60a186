"""Keeps a replacement from taking the old thing for the new one, since both have one digest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.plugin.kind import OWNER, Change, Transition
from kokunai.plugin.serving import responses

if TYPE_CHECKING:
    from kokunai.plugin.kind import Kind, Operation, Props


@dataclass(frozen=True)
class Seen:
    """What a diff was about, and the changes that need a replacement."""

    transition: Transition
    replacing: list[Change]


class Replacements:
    """What this process, which lives for one command of the engine, has seen of each URN."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.made: dict[str, str] = {}

    def forget(self, urn: str) -> None:
        """It is gone."""
        self.seen.pop(urn, None)

    def explain(self, op: Operation) -> None:
        """Diff does not know whether it is a preview, so its reasons wait for the create."""
        changes = self.seen[op.urn].replacing if op.urn in self.seen else []
        paths = ", ".join(change.path for change in changes)
        if changes:
            ja, en = f"{op.name} を作り直します ({paths})", f"{op.name} will be replaced ({paths})"
            op.warn(responses.in_both_languages(ja, en, changes))

    async def guard(self, kind: Kind, op: Operation) -> None:
        """Before a create: raises KokunaiError while the one to be replaced is there."""
        seen = self.seen.get(op.urn)
        if seen is None or not kind.is_found_by_digest:
            return
        before = seen.transition
        found = await kind.read(op, before)
        if found is None:
            return
        now = replace(before, id=found.id, state=found.outputs)
        if kind.identity(now) == kind.identity(before):
            raise KokunaiError(
                ja=f"{op.name} は古いものを消してから作り直します。"
                "delete_before_replace=False は使えません。",
                en=f"{op.name} is replaced by deleting it first; "
                "delete_before_replace=False cannot be used.",
            )

    def keeps(self, kind: Kind, op: Operation, id_: str) -> bool:
        """Before a delete: `--replace` creates first, without a diff, and found the old one."""
        kept = kind.is_found_by_digest and self.made.get(op.urn) == id_
        if kept:
            op.warn(
                f"{op.name} ({id_}) は作り直さず、入力に合わせただけです。作り直すには、"
                "リソースに delete_before_replace=True を付けるか、先に削除してください。\n"
                f"{op.name} ({id_}) was kept and brought to its inputs, not replaced; to replace "
                "it, give the resource delete_before_replace=True, or delete it first."
            )
        return kept


def owned(kind: Kind, op: Operation, outputs: Props) -> Props:
    """Outputs with the digest that the thing carries now."""
    return {**outputs, OWNER: op.digest} if kind.is_found_by_digest else outputs


def marks_of(state: Props) -> Props:
    """What a read keeps: an import has no mark, and nothing to follow."""
    return {OWNER: state[OWNER]} if OWNER in state else {}


def renamed(kind: Kind, op: Operation, transition: Transition) -> list[Change]:
    """A new URN for an old thing: the old one may be used again, so the digest must follow."""
    if not kind.is_found_by_digest or transition.state.get(OWNER, op.digest) == op.digest:
        return []
    reason = "名前が変わったので印を付け直します / renamed, so its mark is written again"
    return [Change(OWNER, of_state=True, reason=reason)]
