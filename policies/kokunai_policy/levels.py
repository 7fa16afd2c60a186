"""How bad a finding of each rule is."""

from __future__ import annotations

from enum import Enum
from functools import cache

from kokunai.language import worded
from kokunai_policy import rule_files


class Level(Enum):
    """How bad a finding is; every level blocks, and critical ones cannot be waived."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def text(self) -> str:
        """The level in the reader's language."""
        return worded(_JA[self], self.value, " / ")


_JA = {Level.CRITICAL: "重大", Level.HIGH: "高", Level.MEDIUM: "中", Level.LOW: "低"}


@cache
def levels() -> dict[str, Level]:
    """Level of every rule, by rule id."""
    return {row.id: Level(row.level) for row in rule_files.rows()}
