"""The rule that every resource that can hold data says how sensitive the data is."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from kokunai.catalog import facts
from kokunai.errors import path_text
from kokunai_policy.verdicts import Judgement, Verdict, shown, unknown
from kokunai_policy.walker import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected
    from kokunai_policy.walker import Node

LABEL: Final = "data-class"
_PATH = path_text(("labels", LABEL))
_ALLOWED = ", ".join(facts.DATA_CLASSES)


def _spelled(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def judge_class(inspected: Inspected) -> Iterator[Judgement]:
    """`labels.data-class` is one of the classes, in any width and case."""
    labels = inspected.node("labels")
    if labels is not None and labels.state in OPEN:
        yield unknown(labels, "ラベル（labels）", "the labels")
        return
    # The key may be given in several spellings at once; all of them are judged.
    given = [node for node in inspected.members("labels") if _spelled(str(node.keys[-1])) == LABEL]
    if not given:
        yield Judgement(
            Verdict.FAIL,
            _PATH,
            f"データ区分のラベル {LABEL} がありません。指定できるもの: {_ALLOWED}",
            f"the label {LABEL} is missing; allowed: {_ALLOWED}",
        )
    yield from (_class(node) for node in given)
    if len({_spelled(node.text or "") for node in given}) > 1:
        yield Judgement(
            Verdict.FAIL,
            _PATH,
            f"ラベル {LABEL} が複数あり、値が一致しません。1 つにしてください",
            f"the label {LABEL} is given several times with different values; give it once",
        )


def _class(node: Node) -> Judgement:
    if node.state in OPEN:
        return unknown(node, "データ区分", "the data class")
    if node.text is not None and _spelled(node.text) in facts.DATA_CLASSES:
        return Judgement(Verdict.PASS, node.path)
    name = shown(node, str(node.value))
    return Judgement(
        Verdict.FAIL,
        node.path,
        f"データ区分 {name} はありません。指定できるもの: {_ALLOWED}",
        f"there is no data class {name}; allowed: {_ALLOWED}",
    )
