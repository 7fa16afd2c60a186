"""Keeps a preview and an `up` from losing data that nobody has allowed to be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.plugin import losses
from kokunai.plugin.kind import Holding
from kokunai.plugin.serving import responses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai.plugin.kind import Change, Kind, Operation, Props, Transition


class DataGuard:
    """Stands behind `kokunai:stack:DataHolders`, for what that resource does not know.

    A program may declare resources late or without components, and an earlier run may have been
    cut short after its loss was allowed.
    """

    def __init__(self) -> None:
        self.has_program = False
        """Whether a program declares resources in this run: a destroy has none, and may delete."""

    def refuse_replacement(
        self, kind: Kind, op: Operation, props: Props, changes: Sequence[Change]
    ) -> None:
        """In a preview. Raises KokunaiError where the changes lose data unasked."""
        if isinstance(kind, Holding) and changes and not _may_go(op, props):
            ja, en = _what(kind, op, props)
            paths = ", ".join(change.path for change in changes)
            raise _refusal(op, _because(f"{ja}。{paths}", f"{en}. {paths}", changes))

    def refuse_update(self, kind: Kind, op: Operation, transition: Transition) -> None:
        """Raises KokunaiError where a change in place loses data unasked."""
        if isinstance(kind, Holding):
            losing = [change for change in kind.diff(transition) if change.loses]
            self.refuse_replacement(kind, op, transition.old, losing)

    def refuse_deletion(self, kind: Kind, op: Operation, props: Props) -> None:
        """Before a delete. Raises KokunaiError where a program's run loses data unasked."""
        if isinstance(kind, Holding) and self.has_program and not _may_go(op, props):
            ja, en = _what(kind, op, props)
            raise _refusal(op, (f"{ja}。", f"{en}."))


def _may_go(op: Operation, props: Props) -> bool:
    labels = props.get("labels")
    pool = labels.get("pool") if isinstance(labels, dict) else None
    return bool({op.name, pool} & losses.allowed(op.config))


def _what(kind: Holding, op: Operation, props: Props) -> tuple[str, str]:
    held = kind.held(props)
    size_ja, size_en = (f"（{held.gib} GiB）", f" ({held.gib} GiB)") if held.gib else ("", "")
    return (
        f"{held.ja} {op.name}{size_ja}のデータが失われるため、中止しました",
        f"Data of {held.en} {op.name}{size_en} would be lost, so this was stopped",
    )


def _because(ja: str, en: str, changes: Sequence[Change]) -> tuple[str, str]:
    """Why the data would be lost, and what to write if only the network was renamed."""
    why_ja, why_en = responses.because(ja, en, changes)
    if not any(change.path == "switchId" for change in changes):
        return why_ja, why_en
    return (
        f"{why_ja}ネットワークの名前を変えただけの場合は、その行に was: 旧名 と書いてください。",
        f"{why_en} If only the network was renamed, write was: OLD beside its new name.",
    )


def _refusal(op: Operation, text: tuple[str, str]) -> KokunaiError:
    ja, en = text
    remedy_ja, remedy_en = losses.remedy([op.name])
    return KokunaiError(ja=f"{ja}\n{remedy_ja}", en=f"{en}\n{remedy_en}")
