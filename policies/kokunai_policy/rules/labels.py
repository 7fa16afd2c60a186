"""Every resource that can hold data says how sensitive that data is."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from kokunai.errors import path_text
from kokunai_policy.model import Inspected, Judgement, Verdict, shown, unknown
from kokunai_policy.walker import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.walker import Node

CLASSES: Final = (
    "public",
    "internal",
    "confidential",
    "personal",
    "medical",
    "financial",
    "government",
)
LABEL: Final = "data-class"
_PATH = path_text(("labels", LABEL))
_ALLOWED = ", ".join(CLASSES)


def _spelled(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def judge_class(seen: Inspected) -> Iterator[Judgement]:
    """`labels.data-class` is one of the classes, in any width and case."""
    if not seen.resource.is_kokunai:
        return
    labels = seen.node("labels")
    if labels is not None and labels.state in {State.UNKNOWN, State.UNREADABLE}:
        yield unknown(labels, "ラベル (labels) ", "the labels")
        return
    # Several spellings of the key may stand side by side; each must hold.
    found = [node for node in seen.members("labels") if _spelled(str(node.keys[-1])) == LABEL]
    if not found:
        yield Judgement(
            Verdict.FAIL,
            _PATH,
            f"データ区分のラベル {LABEL} がありません。指定できるもの: {_ALLOWED}",
            f"the label {LABEL} is missing; allowed: {_ALLOWED}",
        )
    yield from (_class(node) for node in found)
    if len({_spelled(node.text or "") for node in found}) > 1:
        yield Judgement(
            Verdict.FAIL,
            _PATH,
            f"ラベル {LABEL} が複数あり、値が一致しません。1 つにしてください",
            f"the label {LABEL} is given several times with different values; give it once",
        )


def _class(node: Node) -> Judgement:
    if node.state in {State.UNKNOWN, State.UNREADABLE}:
        return unknown(node, "データ区分", "the data class")
    if node.text is not None and _spelled(node.text) in CLASSES:
        return Judgement(Verdict.PASS, node.path)
    name = shown(node, str(node.value))
    return Judgement(
        Verdict.FAIL,
        node.path,
        f"データ区分 {name} はありません。指定できるもの: {_ALLOWED}",
        f"there is no data class {name}; allowed: {_ALLOWED}",
    )
