"""Keeps a replacement from taking the old thing for the new one, since both have one digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.plugin.kind import Change
from kokunai.plugin.serving import answers

if TYPE_CHECKING:
    from kokunai.plugin.kind import Kind, Operation, Props


OWNER = "ownerDigest"
"""Output that holds the digest of the URN under which a thing was last written."""


@dataclass(frozen=True)
class Seen:
    """What a diff was about."""

    id: str
    state: Props
    inputs: Props
    replacements: list[Change]


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
        changes = self.seen[op.urn].replacements if op.urn in self.seen else []
        paths = ", ".join(change.path for change in changes)
        if changes:
            ja, en = f"{op.name} を作り直します ({paths})", f"{op.name} will be replaced ({paths})"
            op.warn(answers.in_both_languages(ja, en, changes))

    async def guard(self, kind: Kind, op: Operation) -> None:
        """Before a create: raises KokunaiError while the one to be replaced is there."""
        seen = self.seen.get(op.urn)
        if seen is None or not _is_found_by_digest(kind):
            return
        found = await kind.read(op, seen.id, seen.state, seen.inputs)
        if found is None:
            return
        if found.outputs.get("serverId", found.id) == seen.state.get("serverId", seen.id):
            raise KokunaiError(
                ja=f"{op.name} は古いものを消してから作り直します。"
                "delete_before_replace=False は使えません。",
                en=f"{op.name} is replaced by deleting it first; "
                "delete_before_replace=False cannot be used.",
            )

    def keeps(self, kind: Kind, op: Operation, id_: str) -> bool:
        """Before a delete: `--replace` creates first, without a diff, and found the old one."""
        kept = _is_found_by_digest(kind) and self.made.get(op.urn) == id_
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
    return {**outputs, OWNER: op.digest} if _is_found_by_digest(kind) else outputs


def marks_of(state: Props) -> Props:
    """What a read keeps: an import has no mark, and nothing to follow."""
    return {OWNER: state[OWNER]} if OWNER in state else {}


def renamed(kind: Kind, op: Operation, state: Props) -> list[Change]:
    """A new URN for an old thing: the old one may be used again, so the digest must follow."""
    if not _is_found_by_digest(kind) or state.get(OWNER, op.digest) == op.digest:
        return []
    reason = "名前が変わったので印を付け直します / renamed, so its mark is written again"
    return [Change(OWNER, of_state=True, reason=reason)]


def _is_found_by_digest(kind: Kind) -> bool:
    return bool(getattr(kind, "is_found_by_digest", False))
