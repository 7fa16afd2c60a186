"""Reads the rules as data: one YAML file for each rule, named after it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# The C parser is several times faster, but not every build of PyYAML has it.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BrokenRule(Exception):
    """A rule file is invalid; the rules do not start with it."""


class RuleRow(BaseModel):
    """The content of a rule file; `id` is the name of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: str = Field(pattern=r"^KN-[A-Z]{3}-\d\d$")
    level: Literal["critical", "high", "medium", "low"]
    group: str
    """Which policy of the pack reports it."""
    applies: list[str] = Field(min_length=1)
    """Types, or words of `rulebook.KINDS` for groups of types, to which it applies."""
    ja: str = Field(min_length=1)
    en: str = Field(min_length=1)
    """What must hold, in one line of English."""
    note: str = ""
    """Additional text for the table in the README."""
    judge: str = ""
    """The judging function as `module.function` below `kokunai_policy.rules`; or `check`."""
    check: str = ""
    """A stock check of `kokunai_policy.checks`, used with `parameters` instead of `judge`."""
    parameters: dict[str, Any] = {}
    good: list[dict[str, Any]] = Field(min_length=1)
    """Examples of resources that pass, with their context."""
    bad: list[dict[str, Any]] = Field(min_length=1)
    """Examples of resources that are refused, with the path of the finding."""

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
