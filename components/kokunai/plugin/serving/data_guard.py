"""Keeps a preview and an `up` from losing data that nobody has allowed to be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.plugin import losses
from kokunai.plugin.kind import Holding
from kokunai.plugin.serving import command_line, responses

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
        """Whether a program declares resources of ours in this run.

        Where the engine's command is not known, a run without any counts as a destroy.
        """

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
        destroys = command_line.is_destroy()
        is_meant = destroys if destroys is not None else not self.has_program
        if isinstance(kind, Holding) and not is_meant and not _may_go(op, props):
            ja, en = _what(kind, op, props)
            if not self.has_program:
                raise _nothing_declared(op, ja, en)
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


def _nothing_declared(op: Operation, ja: str, en: str) -> KokunaiError:
    """No permission helps: the provider has the configuration of the last program that named it."""
    command = f"pulumi destroy --target '{op.urn}'"
    return KokunaiError(
        ja=f"{ja}。プログラムは kokunai のリソースを何も宣言していません。残すなら宣言を元に戻し、"
        f"すべて削除するなら pulumi destroy、これだけなら {command} を実行してください。",
        en=f"{en}. The program declares no resource of kokunai any more. To keep it put the "
        f"declaration back; to remove everything run pulumi destroy, or this alone: {command}",
    )


def _refusal(op: Operation, text: tuple[str, str]) -> KokunaiError:
    ja, en = text
    remedy_ja, remedy_en = losses.remedy([op.name])
    return KokunaiError(ja=f"{ja}\n{remedy_ja}", en=f"{en}\n{remedy_en}")
