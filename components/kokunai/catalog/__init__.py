"""What is for sale and what hardware is like: YAML rows read once, looked up by key."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from kokunai.errors import KokunaiError


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    as_of: Any


class Site(_Row):
    """A data centre; the operator decides the law."""

    key: str
    ja: str
    en: str
    country: str
    """ISO 3166-1 alpha-2."""
    prefecture: str
    """ISO 3166-2, for example JP-01."""
    operator: str
    zones: tuple[str, ...]
    """The provider's zone names, empty where the provider has none."""
    name_servers: tuple[str, ...]


class Gpu(_Row):
    """What a GPU is like, whoever sells it."""

    key: str
    vendor: str
    name: str
    memory_gib: int
    pci_vendor_id: str
    collective_settings_file: str
    """The file the vendor's collective library reads for all users of a host."""


class Offer(_Row):
    """One thing a seller sells: a server with GPUs at a site."""

    site: str
    gpu: str
    product: str
    seller: str
    operator: str
    driver: str
    zone: str
    gpu_count: int
    cpu_count: int
    memory_gib: int
    gpu_model: str
    commitment: str
    generation: int
    jpy_per_hour: int
    """Tax included, without disks."""


class Image(_Row):
    """An operating system as one driver's provider names it."""

    key: str
    archive: str
    login_user: str
    distribution: str
    suite: str


def load(name: str) -> Any:
    """Parsed YAML file of this folder."""
    return yaml.safe_load(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


@functools.cache
def sites() -> dict[str, Site]:
    """All data centres by key."""
    return {key: Site(key=key, **row) for key, row in load("sites.yaml")["sites"].items()}


@functools.cache
def gpus() -> dict[str, Gpu]:
    """All GPUs by key."""
    return {key: Gpu(key=key, **row) for key, row in load("gpus.yaml")["gpus"].items()}


@functools.cache
def offers() -> tuple[Offer, ...]:
    """Everything that is for sale."""
    return tuple(Offer(**row) for row in load("offers.yaml")["offers"])


def site(key: str) -> Site:
    """The data centre of this key. Raises KokunaiError naming all sites."""
    if found := sites().get(key):
        return found
    known = ", ".join(sites())
    raise KokunaiError(
        ja=f"データセンター {key} は登録されていません。指定できるもの: {known}",
        en=f"site {key} is not known; allowed: {known}",
    )


def zoned_site(key: str) -> Site:
    """A site where networks can be made by API. Raises KokunaiError naming those."""
    found = site(key)
    if found.zones:
        return found
    known = ", ".join(name for name, one in sites().items() if one.zones)
    raise KokunaiError(
        ja=f"{key} には API で作れるネットワークがありません。指定できるもの: {known}",
        en=f"networks cannot be made by API at {key}; allowed: {known}",
    )


def gpu(key: str) -> Gpu:
    """The GPU of this key; every offer's GPU has a row."""
    return gpus()[key]


def offer(*, site: str, gpu: str) -> Offer:
    """What the site sells for this GPU. Raises KokunaiError listing what it sells."""
    here = [row for row in offers() if row.site == site]
    for row in here:
        if row.gpu == gpu:
            return row
    offered = ", ".join(row.gpu for row in here)
    raise KokunaiError(
        ja=f"{site} では GPU {gpu} を販売していません。販売中: {offered or 'なし'}",
        en=f"{site} does not sell GPU {gpu}; it sells: {offered or 'nothing yet'}",
    )


def image(key: str, *, driver: str) -> Image:
    """The operating system as the driver's provider names it. Raises KokunaiError listing all."""
    images = load("images.yaml")["images"]
    if driver in (row := images.get(key, {})):
        common = {name: row[name] for name in ("distribution", "suite", "source", "as_of")}
        return Image(key=key, **row[driver], **common)
    known = ", ".join(name for name, one in images.items() if driver in one)
    raise KokunaiError(
        ja=f"OS {key} は {driver} では使えません。指定できるもの: {known}",
        en=f"image {key} is not available through {driver}; allowed: {known}",
    )
