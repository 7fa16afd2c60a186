"""Verdicts of rules on values, and the findings that the user is shown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from kokunai.language import worded
from kokunai_policy.levels import Level
from kokunai_policy.waiver_places import row, type_row
from kokunai_policy.walker import State

if TYPE_CHECKING:
    from collections.abc import Iterable

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


_ABOUT_WAIVERS = "KN-ESC-07"
_ABOUT_TYPES = {"KN-ESC-01", "KN-ESC-08"}
"""Rules that let a type through for all resources of it."""


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
    stack: str = ""
    """Name of the stack, where it is known."""
    waiver: Waiver | None = None
    place: str = ""
    """Where the stack file has the value, if that is known."""
    file: str = "policies/waivers.yaml"
    """The file of waivers that was read."""
    beside: str = ""
    """The file that the project's program reads, where that is another one."""

    @property
    def message(self) -> str:
        """Rule, level and path, then what is wrong in the reader's language."""
        where = f" {self.path}" if self.path else ""
        said = worded(f"  {self.ja}", f"  {self.en}")
        return f"{self.rule} ({self.level.text}){where}\n{said}"

    @property
    def waiver_row(self) -> tuple[str, str] | None:
        """List of `waivers.yaml` and the row for it; None where this cannot be waived."""
        if self.level is Level.CRITICAL or self.rule == _ABOUT_WAIVERS:
            return None
        if self.rule in _ABOUT_TYPES:
            return "allowed_types", type_row(self.type)
        stack = self.stack or "STACK"
        return "waivers", row(self.rule, stack=stack, type_=self.type, name=self.name)


def how_to_waive(findings: Iterable[Finding]) -> str:
    """The rows that would waive the findings, each once, and where to paste them; else empty."""
    rows: dict[tuple[str, str, str], dict[str, None]] = {}
    for finding in findings:
        if finding.waiver_row is not None:
            section, text = finding.waiver_row
            rows.setdefault((section, finding.file, finding.beside), {})[text] = None
    parts = []
    for (section, file, beside), texts in rows.items():
        head = worded(
            f"免除するには、{file} の {section} に次を加え、空欄を埋めます:",
            f"to waive it, add this to {section} in {file} and fill it in:",
        )
        parts += [head, *texts, *_also_in(beside)]
    return "\n".join(parts)


def _also_in(beside: str) -> list[str]:
    if not beside:
        return []
    ja = f"このパックはプロジェクトの外にあります。コンポーネントは {beside} を読むため、同じ行を"
    return [
        worded(
            f"{ja}そこにも加えてください。",
            f"this pack is not the project's; components read {beside}, so add it there, too.",
        )
    ]


def shown(node: Node, text: str) -> str:
    """`text` for a message; a placeholder if the value is a secret."""
    return "[secret]" if node.secret else text


def unknown(node: Node, what_ja: str, what_en: str) -> Judgement:
    """The finding for a value that is not known or cannot be read."""
    if node.state is State.UNREADABLE:
        return Judgement(
            Verdict.UNKNOWN,
            node.path,
            f"{what_ja}を読めません（大きすぎる、深すぎる、または外部にあります）",
            f"{what_en} cannot be read: too large, too deep, or kept elsewhere",
        )
    return Judgement(
        Verdict.UNKNOWN,
        node.path,
        f"{what_ja}がまだ分かりません。プレビューの時点で決まる値を書いてください",
        f"{what_en} is not known yet; give a value that is known at preview",
    )
