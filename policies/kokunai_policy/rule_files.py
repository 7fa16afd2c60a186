"""Reads the rules as data: one YAML file for each rule, named after it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# The C parser reads the same language several times faster; not every build has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BrokenRule(Exception):
    """A rule file that says what cannot be; the rules do not start with it."""


class RuleRow(BaseModel):
    """What one rule file says; `id` is the name of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(pattern=r"^KN-[A-Z]{3}-\d\d$")
    level: Literal["critical", "high", "medium", "low"]
    group: str
    """Which policy of the pack reports it."""
    applies: list[str] = Field(min_length=1)
    """Types, or words for many types, that it concerns; `rulebook.KINDS` lists the words."""
    ja: str = Field(min_length=1)
    en: str = Field(min_length=1)
    """What must hold, in one line."""
    note: str = ""
    """What the table in the README adds."""
    judge: str = ""
    """`module.function` below `kokunai_policy.rules`."""
    check: str = ""
    """Or a stock check of `kokunai_policy.checks` with its parameters."""
    parameters: dict[str, Any] = {}
    good: list[dict[str, Any]] = Field(min_length=1)
    """Resources it lets pass, and what the context must be."""
    bad: list[dict[str, Any]] = Field(min_length=1)
    """Resources it refuses, with the path of the finding."""

    @model_validator(mode="after")
    def _judged_one_way(self) -> RuleRow:
        if bool(self.judge) == bool(self.check):
            raise ValueError("give either judge or check")
        return self


@cache
def rows() -> tuple[RuleRow, ...]:
    """Every rule, ordered by id. Raises BrokenRule."""
    folder = resources.files(__package__).joinpath("rules")
    files = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    return tuple(_row(file) for file in sorted(files, key=lambda file: file.name))


def _row(file: Traversable) -> RuleRow:
    text = file.read_text(encoding="utf-8")
    try:
        content = yaml.load(text, Loader=_LOADER)  # noqa: S506 - one of the two safe loaders
        return RuleRow(id=file.name.removesuffix(".yaml"), **content)
    except (ValidationError, TypeError, yaml.YAMLError) as error:
        raise BrokenRule(f"{file.name}: {error}") from error
