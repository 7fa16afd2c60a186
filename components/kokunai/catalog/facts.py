"""Facts about operators, hosts and regions, read once from the YAML files in facts/."""

from __future__ import annotations

import functools
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from kokunai import catalog
from kokunai.catalog.rows import sections

DataClass = Literal[
    "public",
    "internal",
    "confidential",
    "personal",
    "medical",
    "financial",
    "government",
]
"""How sensitive data is, from the least to the most sensitive."""
DATA_CLASSES: tuple[DataClass, ...] = get_args(DataClass)
Use = Literal["api", "time", "resolver", "package"]
"""What a host is used for: API calls, time, name resolution or packages."""


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


class Endpoint(BaseModel):
    """Where a provider calls a seller, unless its input says otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    """Host that is called when neither the input nor the environment names one."""
    environment: tuple[str, ...] = ()
    """Environment variables that are asked in this order when the input is left out."""


class Package(_Fact):
    """What is known of a Pulumi package."""

    cloud: str | None = None
    endpoints: dict[str, Endpoint] = {}
    """By provider input, one for each seller; none where they depend on the region."""
    zoned_kinds: frozenset[str] = frozenset()
    """Types whose `zone` must be given, because the seller's API makes them in one zone."""
    location_keys: tuple[str, ...] = ()
    """Provider inputs of which one must say where."""
    every_resource: bool = False
    """Every resource says where itself, because the provider cannot."""
    executes: bool = False
    """Resources run code of the user's choice."""
    local: bool = False
    """Resources hold nothing outside the state."""


class SellerProvider(_Fact):
    """How this package's own provider reaches one seller."""

    endpoints: dict[str, Endpoint] = {}
    """By provider input; none where nothing is called, as with capacity under contract."""
    secrets: dict[str, tuple[str, ...]] = {}
    """Secret provider inputs, and the environment variables that fill them in."""
    zoned_kinds: frozenset[str] = frozenset()
    """Types whose `zone` must be given, because the seller's API makes them in one zone."""


class _Anywhere(_Fact):
    names: frozenset[str]


@functools.cache
def operators() -> dict[str, Operator]:
    """All operators by key."""
    rows = dict(catalog.load("facts/operators.yaml")["operators"])
    for added in sections("operators").values():
        rows |= added
    return {key: Operator(**row) for key, row in rows.items()}


@functools.cache
def hosts(use: Use) -> tuple[Host, ...]:
    """Known hosts for one use."""
    added = [row for uses in sections("hosts").values() for row in uses.get(use, [])]
    return tuple(Host(**row) for row in (*catalog.load("facts/hosts.yaml")[use], *added))


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
    return {key: Package(**row) for key, row in rows.items()} | {"kokunai": _own(rows["kokunai"])}


def _own(row: dict[str, Any]) -> Package:
    """The row of this package: the provider sections of all sellers' files put together."""
    sellers = seller_providers().values()
    endpoints = {key: endpoint for seller in sellers for key, endpoint in seller.endpoints.items()}
    zoned = frozenset(kind for seller in sellers for kind in seller.zoned_kinds)
    return Package(**row).model_copy(update={"endpoints": endpoints, "zoned_kinds": zoned})


@functools.cache
def seller_providers() -> dict[str, SellerProvider]:
    """How each seller with an API is reached, by the name of its file."""
    providers = sections("provider")
    return {file.removesuffix(".yaml"): SellerProvider(**row) for file, row in providers.items()}
