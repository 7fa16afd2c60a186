"""Verdicts of rules on values, and the findings that the user is shown."""

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
    """The outcome of a rule on a value."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """A verdict on a property; only verdicts that count as findings have texts."""

    verdict: Verdict
    path: str = ""
    ja: str = ""
    en: str = ""


@dataclass(frozen=True)
class Finding:
    """A refusal by a rule; with `waiver` if it is let through."""

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
    place: str = ""
    """Where the stack file has the value, if that is known."""

    @property
    def message(self) -> str:
        """Rule, level and path, then the texts in both languages."""
        where = f" {self.path}" if self.path else ""
        return f"{self.rule} ({self.level.value}){where}\n  {self.ja}\n  {self.en}"


def shown(node: Node, text: str) -> str:
    """`text` for a message; a placeholder if the value is a secret."""
    return "[secret]" if node.secret else text


def unknown(node: Node, what_ja: str, what_en: str) -> Judgement:
    """The finding for a value that is not known or cannot be read."""
    if node.state is State.UNREADABLE:
        return Judgement(
            Verdict.UNKNOWN,
            node.path,
            f"{what_ja}を読めません (大きすぎる、深すぎる、または外部にあります)",
            f"{what_en} cannot be read: too large, too deep, or kept elsewhere",
        )
    return Judgement(
        Verdict.UNKNOWN,
        node.path,
        f"{what_ja}がまだ分かりません。プレビューの時点で決まる値を書いてください",
        f"{what_en} is not known yet; give a value that is known at preview",
    )
