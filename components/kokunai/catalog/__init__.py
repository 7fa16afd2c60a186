"""What is for sale and what hardware is like, looked up by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.catalog import rows
from kokunai.catalog.prices import Price
from kokunai.catalog.rows import (
    Fabric,
    Gpu,
    Image,
    Offer,
    Row,
    Seller,
    Service,
    Shape,
    Site,
    Slug,
    load,
)
from kokunai.errors import KokunaiError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = [
    "Fabric",
    "Gpu",
    "Image",
    "Offer",
    "Price",
    "Seller",
    "Service",
    "Shape",
    "Site",
    "Slug",
    "limits",
    "load",
]
# Sections of the files and the model of their rows.
_SECTIONS: dict[str, type[Row]] = {
    "sites": Site,
    "gpus": Gpu,
    "shapes": Shape,
    "fabrics": Fabric,
    "sellers": Seller,
    "offers": Offer,
    "services": Service,
    "images": Image,
}


def problems() -> list[Problem]:
    """What is wrong with files and rows of the catalogue."""
    found = [*rows.unreadable_files()]
    for name, model in _SECTIONS.items():
        found += rows.section(name, model)[1].values()
    return found


def _refuse_broken(problem: Problem) -> KokunaiError:
    return KokunaiError(
        ja=f"カタログの行に誤りがあり、使えません。{problem.path}: {problem.ja}",
        en=f"this row of the catalogue is broken and cannot be used; {problem.path}: {problem.en}",
    )


def sites() -> Mapping[str, Site]:
    """All data centres by key."""
    return rows.section("sites", Site)[0]


def gpus() -> Mapping[str, Gpu]:
    """All GPUs by key."""
    return rows.section("gpus", Gpu)[0]


def sellers() -> Mapping[str, Seller]:
    """All sellers by key."""
    return rows.section("sellers", Seller)[0]


def shapes() -> Mapping[str, Shape]:
    """What is in a server, by key."""
    return rows.section("shapes", Shape)[0]


def fabrics() -> Mapping[str, Fabric]:
    """Networks between servers by key."""
    return rows.section("fabrics", Fabric)[0]


def offers() -> tuple[Offer, ...]:
    """Everything that is for sale and whose row is sound."""
    return tuple(rows.section("offers", Offer)[0].values())


def services() -> tuple[Service, ...]:
    """Networks and storage that can be made by API."""
    return tuple(rows.section("services", Service)[0].values())


def images() -> Mapping[str, Image]:
    """All operating systems by `driver/key`."""
    return rows.section("images", Image)[0]


def _listed(keys: Iterable[str]) -> tuple[str, str]:
    """Keys for a message in Japanese and in English."""
    text = ", ".join(dict.fromkeys(keys))
    return text or "なし", text or "nothing yet"


def site(key: str) -> Site:
    """The data centre of this key. Raises KokunaiError naming all sites."""
    good, broken = rows.section("sites", Site)
    found: Site | None = good.get(key)
    if found is not None:
        return found
    if key in broken:
        raise _refuse_broken(broken[key])
    known, _ = _listed(good)
    raise KokunaiError(
        ja=f"データセンター {key} は登録されていません。指定できるもの: {known}",
        en=f"site {key} is not known; allowed: {known}",
    )


def service(site_key: str) -> Service:
    """What makes networks and storage at a site. Raises KokunaiError naming sites that have it."""
    site(site_key)
    for row in services():
        if row.site == site_key:
            return row
    for problem in _broken("services", Service, site=site_key):
        raise _refuse_broken(problem)
    ja, en = _listed(row.site for row in services())
    raise KokunaiError(
        ja=f"{site_key} には API で作れるネットワークがありません。指定できるもの: {ja}",
        en=f"networks cannot be made by API at {site_key}; allowed: {en}",
    )


def gpu(key: str) -> Gpu:
    """The GPU of this key. Raises KokunaiError where an offer names one without a sound row."""
    good, broken = rows.section("gpus", Gpu)
    found: Gpu | None = good.get(key)
    if found is not None:
        return found
    missing = Problem(f"gpus.yaml: gpus.{key}", "行がありません", "there is no such row")
    raise _refuse_broken(broken.get(key, missing))


def offers_for(site_key: str, gpu_key: str) -> tuple[Offer, ...]:
    """Every sound offer of this GPU at this site."""
    return tuple(row for row in offers() if (row.site, row.gpu) == (site_key, gpu_key))


def offer(*, site: str, gpu: str, key: str | None = None) -> Offer:
    """The one offer of this GPU at this site, chosen by `key` where there are several.

    Without a key it is the one that can be made by API: what is under contract has to be named.
    Raises KokunaiError listing what the site sells, or the keys among which to choose.
    """
    sold = offers_for(site, gpu)
    if key is not None:
        return _chosen(sold, key, site, gpu)
    made = [row for row in sold if row.obtained == "api"]
    if len(made) == 1:
        return made[0]
    for problem in _broken("offers", Offer, site=site, gpu=gpu) if sold and not made else ():
        raise _refuse_broken(problem)  # the broken one may be what was meant
    if len(sold) == 1:
        return sold[0]
    if sold:
        keys, _ = _listed(_with_seller(row) for row in sold)
        raise KokunaiError(
            ja=f"{site} の GPU {gpu} には販売が複数あります。offer に次のどれかを書いてください: "
            f"{keys}",
            en=f"{site} sells GPU {gpu} in several ways; write one as offer: {keys}",
        )
    raise _not_sold(site, gpu)


def _with_seller(row: Offer) -> str:
    return f"{row.key} ({row.seller})"


def _chosen(sold: tuple[Offer, ...], key: str, site_key: str, gpu_key: str) -> Offer:
    if found := next((row for row in sold if row.key == key), None):
        return found
    if problem := rows.section("offers", Offer)[1].get(key):
        raise _refuse_broken(problem)
    if not sold:
        raise _not_sold(site_key, gpu_key)
    keys, _ = _listed(_with_seller(row) for row in sold)
    raise KokunaiError(
        ja=f"{site_key} の GPU {gpu_key} に販売 {key} はありません。指定できるもの: {keys}",
        en=f"{site_key} has no offer {key} for GPU {gpu_key}; allowed: {keys}",
    )


def _not_sold(site_key: str, gpu_key: str) -> KokunaiError:
    """The refusal of what the site does not sell; a broken row for it says why instead."""
    for problem in _broken("offers", Offer, site=site_key, gpu=gpu_key):
        return _refuse_broken(problem)
    ja, en = _listed(row.gpu for row in offers() if row.site == site_key)
    return KokunaiError(
        ja=f"{site_key} では GPU {gpu_key} を販売していません。販売中: {ja}",
        en=f"{site_key} does not sell GPU {gpu_key}; it sells: {en}",
    )


def _broken(section: str, model: type[Row], **wanted: str) -> Iterator[Problem]:
    """What is wrong with broken rows whose fields say that they are the wanted ones."""
    broken = rows.section(section, model)[1]
    for _, key, row in rows.written(section):
        identity = rows.identity_of(key, row)
        if identity in broken and isinstance(row, dict) and wanted.items() <= row.items():
            yield broken[identity]


def image(key: str, *, driver: str) -> Image:
    """The operating system as the driver's provider names it. Raises KokunaiError listing all."""
    if found := images().get(f"{driver}/{key}"):
        return found
    if problem := rows.section("images", Image)[1].get(f"{driver}/{key}"):
        raise _refuse_broken(problem)
    known, _ = _listed(row.key for row in images().values() if row.driver == driver)
    raise KokunaiError(
        ja=f"OS {key} は {driver} では使えません。指定できるもの: {known}",
        en=f"image {key} is not available through {driver}; allowed: {known}",
    )


def limits(driver: str) -> dict[str, Any]:
    """What the driver's API refuses, without source and date. Raises KokunaiError without a row."""
    for written in rows.sections("limits").values():
        row = written.get(driver) if isinstance(written, dict) else None
        if isinstance(row, dict):
            return {key: value for key, value in row.items() if key not in {"source", "as_of"}}
    raise KokunaiError(
        ja=f"カタログに {driver} の limits がありません",
        en=f"the catalogue has no limits of {driver}",
    )
