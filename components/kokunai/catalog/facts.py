"""Facts about operators, hosts and regions, read once from the YAML files in facts/."""

from __future__ import annotations

import functools
from datetime import date
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kokunai import catalog
from kokunai.catalog.rows import sections
from kokunai.errors import KokunaiError
from kokunai.problems import translated

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


_FactType = TypeVar("_FactType", bound=_Fact)


class Certification(BaseModel):
    """What an authority has confirmed of an operator, never of a single resource."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: str = Field(pattern=r"\S")
    """The law or the standard."""
    entity: str = Field(pattern=r"\S")
    """The legal entity that it was given to."""
    facility: str | None = None
    """Where it is bound to one; None where the source names none."""
    valid_from: date
    valid_until: date | None = None
    """Its last day; None where the source names none."""
    source: str = Field(pattern=r"\S")
    as_of: date

    def is_valid(self, today: date) -> bool:
        """Whether it holds on this day."""
        return self.valid_from <= today and (self.valid_until is None or today <= self.valid_until)


class Parent(BaseModel):
    """The company at the top of an operator's group."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ja: str
    en: str
    country: str
    """ISO 3166-1 alpha-2."""


class Operator(_Fact):
    """A legal entity that runs services."""

    ja: str
    en: str
    country: str
    """ISO 3166-1 alpha-2."""
    ultimate_parent: Parent | None = None
    """None where no source that was read names one; that is not the word that there is none."""
    certifications: tuple[Certification, ...] = ()

    def is_certified(self, today: date) -> bool:
        """Whether any certification of it holds on this day."""
        return any(row.is_valid(today) for row in self.certifications)


class Host(_Fact):
    """A host name or address, and who runs it; `*.` at the start stands for one or more labels."""

    host: str
    operator: str

    @property
    def domestic(self) -> bool:
        """Whether its operator is Japanese."""
        operator = operators().get(self.operator)
        return operator is not None and operator.country == "JP"


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
    url: str | None = None
    """Its whole address, which is declared then: a later run, whatever its environment, asks the
    API that has the resources."""
    environment: tuple[str, ...] = ()
    """Environment variables that are asked in this order when the input is left out."""
    beside: str | None = None
    """Another input, at whose host this API is where nothing names it: so it is judged with it."""
    path: str = ""
    """Where it is at that host."""

    def at(self, url: str) -> str:
        """Its address at the host of the other input's URL."""
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}{self.path}"


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
    rows = catalog.load("facts/operators.yaml")["operators"]
    known = {key: Operator(**row) for key, row in rows.items()}
    for added in sections("operators").values():
        for key, row in added.items() if isinstance(added, dict) else ():
            # A broken row is left out: hosts of an operator that is not known are not domestic.
            if operator := _sound(Operator, row):
                known[key] = operator
    return known


@functools.cache
def hosts(use: Use) -> tuple[Host, ...]:
    """Known hosts for one use."""
    known = [Host(**row) for row in catalog.load("facts/hosts.yaml")[use]]
    for uses in sections("hosts").values():
        rows = uses.get(use) if isinstance(uses, dict) else None
        added = [_sound(Host, row) for row in rows or []]
        known += [host for host in added if host]
    return tuple(known)


def _sound(model: type[_FactType], row: Any) -> _FactType | None:
    """The fact that a seller's file states, None where the row is broken."""
    try:
        return model.model_validate(row)
    except ValidationError:
        return None


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
    """How each seller with an API is reached, by the name of its file.

    Raises KokunaiError for a broken section: what the plugin calls must never go unjudged.
    """
    found = {}
    for file, row in sections("provider").items():
        try:
            found[file.removesuffix(".yaml")] = SellerProvider.model_validate(row)
        except ValidationError as error:
            problem = next(translated(error, SellerProvider))
            where = f"{file}: provider.{problem.path}".rstrip(".")
            raise KokunaiError(
                ja=f"カタログの行に誤りがあります。{where}: {problem.ja}",
                en=f"this row of the catalogue is broken; {where}: {problem.en}",
            ) from None
    return found
