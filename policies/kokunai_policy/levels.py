"""How bad a finding of each rule is."""

from __future__ import annotations

from enum import Enum
from functools import cache

from kokunai_policy import rule_files


class Level(Enum):
    """How bad a finding is; every level blocks, and critical ones cannot be waived."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@cache
def levels() -> dict[str, Level]:
    """Level of every rule, by rule id."""
    return {row.id: Level(row.level) for row in rule_files.rows()}
