"""Reads and checks the rows of the catalogue; an invalid row does not affect the others."""

from __future__ import annotations

import functools
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kokunai.catalog.prices import Price
from kokunai.errors import Problem, path_text
from kokunai.problems import refusal, translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
"""A key of the catalogue and a name in a stack file."""

ImageKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{0,30}$")]
"""The key of an image, which may hold a version such as 24.04."""


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    names: ClassVar[dict[str, tuple[str, ...]]] = {}
    """By field that holds the key of another row, the sections in which that row may be."""
    key: Slug
    source: str = Field(pattern=r"\S")
    as_of: date


class Seller(Row):
    """Whom capacity is bought from; who runs it is the operator."""

    names: ClassVar[dict[str, tuple[str, ...]]] = {"operator": ("operators",)}
    ja: str
    en: str
    operator: str
    """The seller itself among the operators, whose row says which company it is."""


class Site(Row):
    """A data centre; its operator's country decides which law applies."""

    names: ClassVar[dict[str, tuple[str, ...]]] = {"operator": ("operators",)}
    ja: str
    en: str
    country: str
    """ISO 3166-1 alpha-2."""
    prefecture: str = Field(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")
    """ISO 3166-2, for example JP-01."""
    address_area: str = ""
    """City or town, empty where it is not published."""
    access: tuple[Literal["internet", "wvs2"], ...] = ()
    """By which networks servers there are reached, empty where it is not published."""
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
    arch: Literal["amd64", "arm64"] | None = None
    """Architecture of the processor on the same board; None where the GPU does not say it."""
    kernel_modules: Literal["open", "proprietary"] | None = None
    """The only flavour of the driver's modules that works; None where both do."""
    last_driver_branch: int | None = Field(default=None, ge=1)
    """The vendor's last driver branch for it."""
    ends_on: date | None = None
    """The last day on which anybody offers or supports it."""


class LocalDisk(BaseModel):
    """Equal disks inside a server, or all of one kind where only their sum is published."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int | None = Field(default=None, ge=1)
    """None where it is not published."""
    size_gib: int = Field(ge=1)
    """Of one disk; of all together where their count is not published."""
    medium: Literal["nvme", "ssd", "hdd"]
    survives_power_off: bool | None = None
    """Whether their content outlives a power-off; None where it is not published."""


class Shape(Row):
    """What is in one server; None stands for what is not published."""

    gpu_count: int = Field(ge=1)
    vcpu_count: int | None = Field(default=None, ge=1)
    """Cores of a physical server, virtual ones of a virtual one."""
    ram_gib: int | None = Field(default=None, ge=1)
    local_disks: tuple[LocalDisk, ...] | None = None
    """Empty where there are none."""
    arch: Literal["amd64", "arm64"] | None = None
    """Architecture of the processor, as Debian names it."""
    nvlink_domain_gpus: int | None = Field(default=None, ge=1)
    """GPUs that NVLink joins, those of other servers included; 1 where a GPU is alone."""


class Fabric(Row):
    """The network between servers; None stands for what is not published."""

    kind: Literal["infiniband", "roce-v2", "ethernet", "nvlink"]
    generation: Literal["hdr", "ndr", "xdr"] | None = None
    """Of InfiniBand."""
    nvlink_domain_gpus: int | None = Field(default=None, ge=1)
    """GPUs that NVLink joins across servers."""
    rail_count: int | None = Field(default=None, ge=1)
    gbps_per_node: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _generation_of_infiniband(self) -> Self:
        if self.generation is not None and self.kind != "infiniband":
            raise refusal(
                "generation は kind: infiniband だけに書けます",
                "generation belongs to kind: infiniband only",
            )
        return self


class _Sold(Row):
    """What every row for sale has in common; `terms` belong to the driver, which checks them."""

    names: ClassVar[dict[str, tuple[str, ...]]] = {
        "site": ("sites",),
        "operator": ("operators",),
        "seller": ("sellers", "operators"),
    }
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

    names: ClassVar[dict[str, tuple[str, ...]]] = {
        **_Sold.names,
        "gpu": ("gpus",),
        "platform": ("platforms",),
        "shape": ("shapes",),
        "fabric": ("fabrics",),
    }
    gpu: str
    gpu_count: int = Field(ge=1)
    platform: str
    """Key of the platform, which says what is done to its nodes."""
    shape: str | None = None
    """Key of what is in one server."""
    fabric: str | None = None
    """Key of the network between servers; None where there is none or nothing is published."""
    obtained: Literal["api", "web-order", "contract", "points"] = "api"
    """How it is had; what is not made by API is the user's own contract."""
    confidence: Literal["published", "secondary", "quote"] = "published"
    """Whose word the price is: the seller's, somebody's who quotes it, or nobody's before an
    answer to an inquiry."""
    price: Price | None = None
    price_class: str = ""
    """What the seller's public price list calls it, where it has one."""
    minimum_months: int = Field(default=0, ge=0)
    """Shortest term that is sold."""
    quota: str = ""
    """How many there are or one account may have, as the seller says it."""
    lead_time: str = ""
    """From an order to its delivery, as the seller says it."""
    ends_on: date | None = None
    """The last day on which the seller runs it."""
    note: str = ""
    """What a buyer must know and no other field says."""

    @model_validator(mode="after")
    def _priced_unless_quoted(self) -> Self:
        if self.confidence == "quote" and self.price is not None:
            raise refusal(
                "confidence: quote の行に price は書けません。契約の金額は契約ファイルか "
                "kokunai-prices.yaml に書いてください",
                "price must be left out where confidence is quote; the figure of a contract "
                "belongs into a contract file or kokunai-prices.yaml",
            )
        if self.confidence != "quote" and self.price is None:
            raise refusal(
                f"confidence: {self.confidence} の行には price が必要です",
                f"price is missing where confidence is {self.confidence}",
            )
        return self


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
_COMMON = ("gpus.yaml", "machines.yaml", "platforms.yaml", "facts/operators.yaml")
"""Files whose rows belong to no seller."""
# Every program and every run of the plugin reads all files; the loader in C takes a tenth.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(name: str) -> Any:
    """Parsed YAML file of this folder."""
    return _parsed(_folder().joinpath(name))


def _folder() -> Traversable:
    return resources.files(__package__)


def _parsed(file: Traversable) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe one


@functools.cache
def _files() -> tuple[dict[str, dict[str, Any]], tuple[Problem, ...]]:
    """Sections of the files of _COMMON and of the sellers by file name, and unreadable files."""
    sellers = sorted(_folder().joinpath("sellers").iterdir(), key=lambda file: file.name)
    common = [_folder().joinpath(*name.split("/")) for name in _COMMON]
    read: dict[str, dict[str, Any]] = {}
    unreadable = []
    for file in [*common, *sellers]:
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
        problem = problem or next(_dangling(model, row, where), None)
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


def _dangling(model: type[Row], row: dict[str, Any], where: str) -> Iterator[Problem]:
    """Keys of other rows that no file has."""
    for field, sections_of_it in model.names.items():
        named = row.get(field)
        if named is None:
            continue
        known = [key for name in sections_of_it for key in _keys(name)]
        if named not in known:
            told = ", ".join(known)
            yield Problem(
                f"{where}.{field}",
                f"{named} という行がありません。指定できるもの: {told}",
                f"there is no row {named}; allowed: {told}",
            )


def _keys(section: str) -> list[str]:
    """Every key of a section, those of broken rows included, which say themselves what is wrong."""
    return [key for _, key, _ in written(section)]
