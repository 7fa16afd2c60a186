"""Combines the catalogue's facts with those that a project adds in `policies/facts.yaml`.

A project can add hosts, operators and packages; it cannot change what the catalogue says.
A file with anything wrong in it adds nothing, and each mistake is a problem.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kokunai import yaml_reader
from kokunai.catalog import facts
from kokunai.errors import Problem
from kokunai.problems import refusal, translated

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

FILE: Final = "facts.yaml"
_SHOWN: Final = f"policies/{FILE}"
"""How messages name the file of a project."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Row(_Strict):
    owner: str = Field(pattern=r"\S")
    """The person who is responsible for the row."""
    reason: str = Field(pattern=r"\S")


class OwnOperator(_Row):
    """A legal entity that the project deals with."""

    ja: str = Field(pattern=r"\S")
    en: str = Field(pattern=r"\S")
    country: str = Field(pattern=r"^[A-Z]{2}$")


class OwnHost(_Row):
    """A host that the project may name; `*.` at the start stands for one or more labels."""

    host: str = Field(pattern=r"^(\*\.)?[a-z0-9][a-z0-9.:-]*$")
    operator: str
    """Key of an operator, of the catalogue or of this file."""


class OwnPackage(_Row):
    """A Pulumi package that the project has examined."""

    location_keys: list[str] = []
    """Provider inputs of which one must say where."""
    every_resource: bool = False
    """Every resource says where itself."""


class OwnFacts(_Strict):
    """The content of the file."""

    operators: dict[str, OwnOperator] = {}
    hosts: dict[str, list[OwnHost]] = {}
    """By use, as `facts.Use` names them."""
    packages: dict[str, OwnPackage] = {}

    @model_validator(mode="after")
    def _only_adds(self) -> OwnFacts:
        _refuse_any(
            (self.operators.keys() & facts.operators().keys())
            | (self.packages.keys() & facts.packages().keys()),
            "すでに登録されており、ここでは変えられません",
            "known already and not to be changed here",
        )
        uses = get_args(facts.Use)
        _refuse_any(
            self.hosts.keys() - set(uses),
            f"hosts の下に書けるのは {', '.join(uses)} だけです",
            f"below hosts only {', '.join(uses)} are allowed",
        )
        _refuse_any(
            {row.operator for rows in self.hosts.values() for row in rows}
            - (self.operators.keys() | facts.operators().keys()),
            "登録されていない事業者です。operators に書いてください",
            "operators that are not known; list them under operators",
        )
        return self


def _refuse_any(names: AbstractSet[str], ja: str, en: str) -> None:
    if names:
        told = ", ".join(sorted(names))
        raise refusal(f"{ja}: {told}", f"{en}: {told}")


@dataclass(frozen=True)
class KnownFacts:
    """Known hosts, operators and packages; by default those of the catalogue."""

    own: OwnFacts = field(default_factory=OwnFacts)
    problems: tuple[Problem, ...] = ()
    """What is wrong with the project's file."""

    def domestic_hosts(self, use: facts.Use) -> tuple[str, ...]:
        """Hosts of Japanese operators for one use, patterns included."""
        ours = (row.host for row in self.own.hosts.get(use, []) if self._is_domestic(row))
        return (*_domestic_catalog_hosts(use), *ours)

    def package(self, name: str) -> facts.Package | None:
        """What is known of a Pulumi package."""
        if (known := facts.packages().get(name)) is not None:
            return known
        own = self.own.packages.get(name)
        return _as_package(own) if own is not None else None

    def _is_domestic(self, row: OwnHost) -> bool:
        operator = facts.operators().get(row.operator) or self.own.operators[row.operator]
        return operator.country == "JP"


@cache
def _domestic_catalog_hosts(use: facts.Use) -> tuple[str, ...]:
    return tuple(row.host for row in facts.hosts(use) if row.domestic)


def _as_package(own: OwnPackage) -> facts.Package:
    return facts.Package(
        location_keys=tuple(own.location_keys),
        every_resource=own.every_resource,
        source=_SHOWN,
        as_of=None,
    )


def in_folder(folder: Path, *, file: str = _SHOWN) -> KnownFacts:
    """The catalogue's facts and those of the file in this folder, which messages call `file`."""
    found = _in_folder(folder)
    problems = (
        Problem(row.path, row.ja.replace(_SHOWN, file, 1), row.en.replace(_SHOWN, file, 1))
        for row in found.problems
    )
    return replace(found, problems=tuple(problems))


def _in_folder(folder: Path) -> KnownFacts:
    try:
        return read(yaml_reader.read(folder / FILE))
    except FileNotFoundError:
        return KnownFacts()
    except (OSError, yaml_reader.NotYaml) as error:
        return KnownFacts(
            problems=(_problem("", f"読めません: {error}", f"not readable: {error}"),)
        )


def read(content: Any) -> KnownFacts:
    """The facts with those of a file's parsed content; mistakes become problems, never errors."""
    try:
        return KnownFacts(OwnFacts.model_validate({} if content is None else content))
    except ValidationError as error:
        rows = translated(error, OwnFacts)
        return KnownFacts(problems=tuple(_problem(row.path, row.ja, row.en) for row in rows))


def _problem(path: str, ja: str, en: str) -> Problem:
    where = f"{_SHOWN} {path}".strip()
    return Problem(path, f"{where}: {ja}", f"{where}: {en}")
