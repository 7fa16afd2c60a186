"""The site of every resource of ours is a known data centre in Japan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai import catalog
from kokunai_policy.model import Inspected, Judgement, Verdict, shown, unknown
from kokunai_policy.regions import plain
from kokunai_policy.walker import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.walker import Node

_ZONED = "kokunai:sakura:"


def judge_site(seen: Inspected) -> Iterator[Judgement]:
    """Site known and in Japan; zone one of the site's own."""
    if not seen.resource.is_kokunai:
        return
    site = _domestic_site(seen.node("site"))
    if isinstance(site, Judgement):
        yield site
    if seen.resource.type.startswith(_ZONED) or seen.node("zone") is not None:
        yield _zone(seen.node("zone"), site if isinstance(site, catalog.Site) else None)
    elif isinstance(site, catalog.Site):
        yield Judgement(Verdict.PASS, "site")


def _allowed() -> str:
    return ", ".join(key for key, site in catalog.sites().items() if site.country == "JP")


def _domestic_site(node: Node | None) -> catalog.Site | Judgement:
    if node is None or node.state is State.NULL:
        return Judgement(
            Verdict.FAIL,
            "site",
            f"データセンター (site) が指定されていません。指定できるもの: {_allowed()}",
            f"the site is missing; allowed: {_allowed()}",
        )
    if node.text is None:
        return unknown(node, "データセンター (site) ", "the site")
    site = catalog.sites().get(plain(node.text))
    if site is not None and site.country == "JP":
        return site
    name = shown(node, node.text)
    return Judgement(
        Verdict.FAIL,
        node.path,
        f"{name} は国内の登録済みデータセンターではありません。指定できるもの: {_allowed()}",
        f"{name} is no known data centre in Japan; allowed: {_allowed()}",
    )


def _zone(node: Node | None, site: catalog.Site | None) -> Judgement:
    zones = site.zones if site else tuple(z for one in catalog.sites().values() for z in one.zones)
    allowed = ", ".join(zones) or "-"
    place = site.key if site else "-"
    if node is None or node.state is State.NULL:
        return Judgement(
            Verdict.FAIL,
            "zone",
            f"ゾーンが指定されていません。指定できるもの: {allowed}",
            f"the zone is missing; allowed: {allowed}",
        )
    if node.text is None:
        return unknown(node, "ゾーン", "the zone")
    if plain(node.text) in zones:
        return Judgement(Verdict.PASS, node.path)
    name = shown(node, node.text)
    return Judgement(
        Verdict.FAIL,
        node.path,
        f"ゾーン {name} は {place} のものではありません。指定できるもの: {allowed}",
        f"zone {name} does not belong to {place}; allowed: {allowed}",
    )
