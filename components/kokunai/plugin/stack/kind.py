"""`kokunai:stack:DataHolders`: remembers what holds data, and refuses to lose it unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.catalog.facts import DATA_CLASSES
from kokunai.errors import KokunaiError
from kokunai.plugin import losses
from kokunai.plugin.comparison import differences
from kokunai.plugin.inputs import Governed, Inputs
from kokunai.plugin.kind import (
    Change,
    Created,
    Found,
    Holding,
    Operation,
    Props,
    Transition,
    holds_unknown,
)
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.stack import comparison, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.plugin.kind import Kind
    from kokunai.plugin.stack.comparison import Loss, Rows

_HEAD_REFUSED = (
    "データが失われるため、中止しました。どのサーバーにも共有ストレージにも触れていません。",
    "Data would be lost, so this was stopped; no server and no share has been touched.",
)
_HEAD_ALLOWED = (
    "この変更でデータが失われます（allow_data_loss で許可されています）。",
    "This change loses data, which allow_data_loss permits.",
)
_END_ALLOWED = (
    "適用後は、許可を消してください。",
    "Remove the permission once this is applied.",
)
_HEAD_CLASH = (
    "使用中のアドレスがあるため、中止しました。どのサーバーにも共有ストレージにも触れていません。",
    "An address is still in use, so this was stopped; no server and no share has been touched.",
)


class Holder(Inputs):
    """A resource that holds data."""

    type: str
    """Its Pulumi type. / Pulumi の型。"""
    name: str
    """Its name in the stack. / スタックでの名前。"""
    was: str | None = None
    """Its name before a rename. / 変更前の名前。"""
    pool: str | None = None
    """The pool to which it belongs. / プール。"""
    network: str | None = None
    """Its private network. / プライベートネットワーク。"""
    network_was: str | None = None
    """That network's name before a rename. / ネットワークの変更前の名前。"""
    address: str | None = None
    """Its address in that network. / そのネットワークでのアドレス。"""
    protected: bool = False
    """Whether Pulumi refuses to delete it. / 保護されているか。"""
    inputs: dict[str, Any]
    """What decides the data that it holds. / データに関わる入力。"""


class DataHoldersInputs(Governed):
    """Everything in the stack that holds data, compared before anything else is changed."""

    holders: list[Holder]
    """What holds data. / データを持つもの。"""


class DataHolders(ModelKind):
    """Everything else in the stack waits for it, so what it refuses has not begun."""

    pulumi_type = "kokunai:stack:DataHolders"
    model = DataHoldersInputs
    is_found_by_digest = False

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = {kind.pulumi_type: kind for kind in kinds if isinstance(kind, Holding)}

    def diff(self, transition: Transition) -> list[Change]:
        """Whole properties: the rows one by one would fill the screen."""
        changed = {change.path.partition("[")[0]: change for change in _changes(transition)}
        return [Change(path.partition(".")[0], change.kind) for path, change in changed.items()]

    async def preview(self, op: Operation, transition: Transition) -> Props:
        """The inputs. Raises KokunaiError for a loss that is not allowed."""
        self._judge(op, transition)
        if not transition.id:
            self.notice(op, transition)
        return transition.new

    def notice(self, op: Operation, transition: Transition) -> None:
        """Warn of permissions for names that neither the program nor the state has.

        What was just removed from the program is in the state until it is gone.
        """
        rows = [*_rows(transition.old), *_rows(transition.new)]
        known = {str(row.get(key)) for row in rows for key in ("name", "pool", "was")} - {"None"}
        unknown = losses.allowed(op.config) - known
        if unknown and not holds_unknown(transition.new.get("holders")):
            ja, en = words.permits_nothing(unknown, known)
            op.warn(f"{ja}\n{en}")

    async def create(self, op: Operation, transition: Transition) -> Created:
        """There is nothing before it that could be lost."""
        self.notice(op, transition)
        return Created(op.digest, transition.new)

    async def read(self, op: Operation, transition: Transition) -> Found | None:  # noqa: ARG002
        """It exists in the state alone."""
        return Found(transition.id, transition.old, transition.state) if transition.state else None

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Remember the new rows. Raises KokunaiError for a loss that is not allowed."""
        self._judge(op, transition)
        return transition.new

    async def delete(self, op: Operation, transition: Transition) -> None:
        """It exists in the state alone."""

    def _judge(self, op: Operation, transition: Transition) -> None:
        if holds_unknown(transition.new.get("holders")):
            return  # the update judges it, before anything else is touched
        old, new = _rows(transition.old), _rows(transition.new)
        self._judge_losses(op, old, new)
        if clashes := list(comparison.clashes(old, new)):
            ja, en = words.text(_HEAD_CLASH, words.clash_lines(clashes))
            raise KokunaiError(ja=ja, en=en)
        _tell_data_class(op, transition)

    def _judge_losses(self, op: Operation, old: Rows, new: Rows) -> None:
        permitted = losses.allowed(op.config)
        found = list(comparison.losses(self._kinds, old, new))
        refused = [loss for loss in found if not loss.is_allowed(permitted)]
        if refused:
            raise KokunaiError(**_refusal(refused))
        if found:
            hint = words.protection_hint(found)
            ja, en = words.text(_HEAD_ALLOWED, words.lines(found), hint, _END_ALLOWED)
            op.warn(f"{ja}\n{en}")


def _refusal(refused: list[Loss]) -> dict[str, str]:
    ja, en = words.text(
        _HEAD_REFUSED,
        words.lines(refused),
        losses.remedy(loss.permission for loss in refused),
        words.rename_hint(refused),
        words.GONE_ALREADY,
        words.protection_hint(refused),
    )
    return {"ja": ja, "en": en}


def _changes(transition: Transition) -> list[Change]:
    return differences(transition.old, transition.new)


def _rows(props: Props) -> Rows:
    rows = props.get("holders")
    return rows if isinstance(rows, list) else []


def _tell_data_class(op: Operation, transition: Transition) -> None:
    old, new = (_data_class(props) for props in (transition.old, transition.new))
    if old == new or not {old, new} <= set(DATA_CLASSES):
        return
    if DATA_CLASSES.index(new) > DATA_CLASSES.index(old):
        op.info(f"データ区分: {old} → {new}（引き上げ）\nData class: {old} → {new} (raised)")
        return
    op.warn(
        f"データ区分: {old} → {new}（引き下げ）。保存済みのデータが {new} で扱えるものか、"
        "確認してください。\n"
        f"Data class: {old} → {new} (lowered); make sure that the data stored already may be "
        f"handled as {new}."
    )


def _data_class(props: Props) -> Any:
    labels = props.get("labels")
    return labels.get("data-class") if isinstance(labels, dict) else None
