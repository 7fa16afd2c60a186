"""What a rule says about a value, and what the user is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from kokunai_policy.walker import State

if TYPE_CHECKING:
    from kokunai_policy.levels import Level
    from kokunai_policy.waivers import Waiver
    from kokunai_policy.walker import Node


class Verdict(Enum):
    """Outcome of one rule on one value."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """What a rule says about one property; the texts are for verdicts that count as findings."""

    verdict: Verdict
    path: str = ""
    ja: str = ""
    en: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing that is refused, or that a waiver lets through."""

    rule: str
    level: Level
    verdict: Verdict
    path: str
    ja: str
    en: str
    type: str
    name: str
    urn: str = ""
    waiver: Waiver | None = None

    @property
    def message(self) -> str:
        """Rule, level and path once, then both languages."""
        where = f" {self.path}" if self.path else ""
        return f"{self.rule} ({self.level.value}){where}\n  {self.ja}\n  {self.en}"


def shown(node: Node, text: str) -> str:
    """`text` as a message may show it: nothing of a secret."""
    return "[secret]" if node.secret else text


def unknown(node: Node, what_ja: str, what_en: str) -> Judgement:
    """The finding for a value that is not known or cannot be read."""
    if node.state is State.UNREADABLE:
        return Judgement(
            Verdict.UNKNOWN,
            node.path,
            f"{what_ja}を読めません(大きすぎる、深すぎる、または外部にあります)",
            f"{what_en} cannot be read: too large, too deep, or kept elsewhere",
        )
    return Judgement(
        Verdict.UNKNOWN,
        node.path,
        f"{what_ja}がまだ分かりません。プレビューの時点で決まる値を書いてください",
        f"{what_en} is not known yet; give a value that is known at preview",
    )
