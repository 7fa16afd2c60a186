"""Facts about operators, hosts and regions, read once from the YAML files in facts/."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import BaseModel, ConfigDict

from kokunai import catalog


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    as_of: Any


class Operator(_Fact):
    """A legal entity that runs services."""

    ja: str
    en: str
    country: str
    """ISO 3166-1 alpha-2."""


class Host(_Fact):
    """A host name or address, and who runs it; `*.` at the start stands for one or more labels."""

    host: str
    operator: str

    @property
    def domestic(self) -> bool:
        """Whether its operator is Japanese."""
        return operators()[self.operator].country == "JP"


class Cloud(_Fact):
    """Region names of one provider."""

    domestic: frozenset[str]
    zone_suffix: str = ""
    """Regular expression of what follows a region name in a zone name."""
    shapes: tuple[str, ...] = ()
    """Regular expressions of region names, domestic ones included."""
    names: frozenset[str] = frozenset()
    """Foreign names that no shape describes."""


class Package(_Fact):
    """What is known of a Pulumi package."""

    cloud: str | None = None
    endpoint: str | None = None
    """Host that is called when the provider names none; None where that depends on the region."""
    location_keys: tuple[str, ...] = ()
    """Provider inputs of which one must say where."""
    every_resource: bool = False
    """Every resource says where itself, because the provider cannot."""
    executes: bool = False
    """Resources run code of the user's choice."""
    local: bool = False
    """Resources hold nothing outside the state."""


class _Anywhere(_Fact):
    names: frozenset[str]


@functools.cache
def operators() -> dict[str, Operator]:
    """All operators by key."""
    rows = catalog.load("facts/operators.yaml")["operators"]
    return {key: Operator(**row) for key, row in rows.items()}


@functools.cache
def hosts(use: str) -> tuple[Host, ...]:
    """Known hosts for one use: `api`, `time`, `resolver` or `package`."""
    return tuple(Host(**row) for row in catalog.load("facts/hosts.yaml")[use])


@functools.cache
def clouds() -> dict[str, Cloud]:
    """Region tables by cloud."""
    return {key: Cloud(**row) for key, row in catalog.load("facts/regions.yaml")["clouds"].items()}


@functools.cache
def names_beyond_japan() -> frozenset[str]:
    """Location names that cover more than Japan."""
    return _Anywhere(**catalog.load("facts/regions.yaml")["anywhere"]).names


@functools.cache
def packages() -> dict[str, Package]:
    """What is known of each Pulumi package."""
    rows = catalog.load("facts/providers.yaml")["packages"]
    return {key: Package(**row) for key, row in rows.items()}
