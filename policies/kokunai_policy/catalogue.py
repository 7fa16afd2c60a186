"""The rules as data: texts and examples in rules.yaml, levels in levels.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from kokunai_policy.model import Level


@dataclass(frozen=True)
class Rule:
    """One rule; the judge function of the same id decides."""

    id: str
    level: Level
    group: str
    ja: str
    en: str
    good: tuple[Any, ...]
    """Resources it lets pass, and what the context must be."""
    bad: tuple[Any, ...]
    """Resources it refuses, with the path of the finding."""


def _read(name: str) -> Any:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe


@cache
def levels() -> dict[str, Level]:
    """Level of every rule."""
    return {rule: Level(level) for rule, level in _read("levels.yaml")["levels"].items()}


@cache
def rules() -> dict[str, Rule]:
    """All rules by id, in the order of the file."""
    return {
        key: Rule(
            id=key,
            level=levels()[key],
            group=row["group"],
            ja=row["ja"],
            en=row["en"],
            good=tuple(row["good"]),
            bad=tuple(row["bad"]),
        )
        for key, row in _read("rules.yaml")["rules"].items()
    }
