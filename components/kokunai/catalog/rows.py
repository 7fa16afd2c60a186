"""Reads and checks the rows of the catalogue; an invalid row does not affect the others."""

from __future__ import annotations

import functools
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kokunai.errors import Problem, path_text
from kokunai.problems import translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
"""A key of the catalogue and a name in a stack file."""

ImageKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{0,30}$")]
"""The key of an image, which may hold a version such as 24.04."""


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Slug
    source: str = Field(min_length=1)
    as_of: date


class Site(Row):
    """A data centre; its operator's country decides which law applies."""

    ja: str
    en: str
    country: str
    """ISO 3166-1 alpha-2."""
    prefecture: str
    """ISO 3166-2, for example JP-01."""
    operator: str
    zones: tuple[str, ...] = ()
    """The provider's zone names, empty where the provider has none."""
    storage_zones: tuple[str, ...] = ()
    """What the provider calls the places of its object storage in this data centre."""
    name_servers: tuple[str, ...] = ()


class Gpu(Row):
    """What a GPU is like, whoever sells it."""

    vendor: str
    name: str
    memory_gib: int
    pci_vendor_id: str
    """PCI vendor in hexadecimal digits, for example 10de."""


class Price(BaseModel):
    """Japanese yen, tax included, without disks; by the hour, or by the month with a minimum."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jpy_per_hour: int | None = Field(default=None, gt=0)
    jpy_per_month: int | None = Field(default=None, gt=0)
    minimum_months: int = Field(default=0, ge=0)


class _Sold(Row):
    """What every row for sale has in common; `terms` belong to the driver, which checks them."""

    site: str
    product: str
    seller: str
    """Who sells it."""
    operator: str
    """Who runs it; together with the site this decides which law applies."""
    driver: str
    """The driver that obtains it, a key of `capacity.DOORS`."""
    terms: dict[str, Any] = {}
    """What only this driver needs, for example zone and plan."""


class Offer(_Sold):
    """A server with GPUs at a site, as one seller sells it."""

    gpu: str
    gpu_count: int = Field(ge=1)
    platform: str
    """Key of the platform, which says what is done to its nodes."""
    price: Price


class Service(_Sold):
    """Networks and storage that a driver makes at a site beside GPU servers."""


class Image(Row):
    """An operating system as one driver's provider names it."""

    key: ImageKey
    driver: str
    login_user: str
    distribution: Literal["debian", "ubuntu", "rocky", "almalinux"]
    suite: str
    terms: dict[str, Any] = {}


RowType = TypeVar("RowType", bound=Row)


def load(name: str) -> Any:
    """Parsed YAML file of this folder."""
    return _parsed(_folder().joinpath(name))


def _folder() -> Traversable:
    return resources.files(__package__)


def _parsed(file: Traversable) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@functools.cache
def _files() -> tuple[dict[str, dict[str, Any]], tuple[Problem, ...]]:
    """Sections of `gpus.yaml` and of the sellers' files by file name, and the unreadable files."""
    sellers = sorted(_folder().joinpath("sellers").iterdir(), key=lambda file: file.name)
    read: dict[str, dict[str, Any]] = {}
    unreadable = []
    for file in [_folder().joinpath("gpus.yaml"), *sellers]:
        try:
            content = _parsed(file) if file.name.endswith(".yaml") else {}
        except (yaml.YAMLError, ValueError) as error:
            said = " ".join(str(error).split())
            unreadable.append(Problem(file.name, f"読めません: {said}", f"cannot be read: {said}"))
            continue
        read[file.name] = content if isinstance(content, dict) else {}
    return read, tuple(unreadable)


def unreadable_files() -> tuple[Problem, ...]:
    """A problem for each file of the catalogue that is not YAML."""
    return _files()[1]


def sections(name: str) -> dict[str, Any]:
    """A section of the sellers' files that is not a table of rows, by file name."""
    return {file: content[name] for file, content in _files()[0].items() if name in content}


def written(section: str) -> Iterator[tuple[str, str, Any]]:
    """File, key and unchecked row of everything in a section."""
    for file, sections in _files()[0].items():
        rows = sections.get(section)
        for key, row in rows.items() if isinstance(rows, dict) else ():
            yield file, str(key), row


@functools.cache
def section(name: str, model: type[RowType]) -> tuple[dict[str, RowType], dict[str, Problem]]:
    """Valid rows by identity, and a problem for each of the others."""
    sound: dict[str, RowType] = {}
    broken: dict[str, Problem] = {}
    for file, key, row in written(name):
        where = f"{file}: {path_text((name, key))}"
        identity = identity_of(key, row)
        problem = next(_problems_of(model, key, row, where), None)
        if identity in sound or identity in broken:
            problem = Problem(where, "キーが重複しています", "the key is given twice")
            sound.pop(identity, None)
        if problem:
            broken.setdefault(identity, problem)
        else:
            sound[identity] = model.model_validate({**row, "key": key})
    return sound, broken


def identity_of(key: str, row: Any) -> str:
    """The key of a row; `driver/key` for an image, which has one row for each driver."""
    is_image = isinstance(row, dict) and "login_user" in row
    return f"{row.get('driver')}/{key}" if is_image else key


def _problems_of(model: type[Row], key: str, row: Any, where: str) -> Iterator[Problem]:
    if not isinstance(row, dict):
        yield Problem(where, "キーと値の組を指定してください", "must be a mapping")
        return
    try:
        model.model_validate({**row, "key": key})
    except ValidationError as error:
        for problem in translated(error, model):
            yield Problem(f"{where}.{problem.path}", problem.ja, problem.en)
