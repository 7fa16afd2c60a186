"""The rule that every resource of this package is at a known data centre in Japan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai import catalog
from kokunai_policy.regions import plain
from kokunai_policy.verdicts import Judgement, Verdict, shown, unknown
from kokunai_policy.walker import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected
    from kokunai_policy.walker import Node


def judge_site(inspected: Inspected) -> Iterator[Judgement]:
    """Site known and in Japan; zone one of the site's own; the label `site` says the same."""
    site = _site(inspected.node("site"))
    if isinstance(site, Judgement):
        yield site
    else:
        yield from _labels(inspected, site)
    zone = inspected.node("zone")
    if zone is None or zone.state is State.NULL:
        yield from _without_zone(inspected, site)
    elif isinstance(site, catalog.Site):
        yield _zone(zone, site)


def has_site(inspected: Inspected) -> bool:
    """Whether the site is known and in Japan, so that the zone can be judged by it."""
    return isinstance(_site(inspected.node("site")), catalog.Site)


def _allowed() -> str:
    return ", ".join(key for key, site in catalog.sites().items() if site.country == "JP")


def _site(node: Node | None) -> catalog.Site | Judgement:
    if node is None or node.state is State.NULL:
        return Judgement(
            Verdict.FAIL,
            "site",
            f"データセンター（site）が指定されていません。指定できるもの: {_allowed()}",
            f"the site is missing; allowed: {_allowed()}",
        )
    if node.text is None:
        return unknown(node, "データセンター（site）", "the site")
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


def _labels(inspected: Inspected, site: catalog.Site) -> Iterator[Judgement]:
    """Whether each label `site`, in any width and case, names the same data centre.

    A label that is not known yet is judged by the rule about every value.
    """
    for label in inspected.members("labels"):
        is_site = plain(str(label.keys[-1])) == "site"
        if is_site and label.state is State.KNOWN and plain(str(label.value)) != site.key:
            name = shown(label, str(label.value))
            yield Judgement(
                Verdict.FAIL,
                label.path,
                f"ラベル site の {name} が site の {site.key} と一致しません",
                f"the label site says {name}, but the site is {site.key}",
            )


def _without_zone(inspected: Inspected, site: catalog.Site | Judgement) -> Iterator[Judgement]:
    package = inspected.package
    if package is not None and inspected.resource.type in package.zoned_kinds:
        yield _no_zone(site.zones if isinstance(site, catalog.Site) else ())
    elif isinstance(site, catalog.Site):
        yield Judgement(Verdict.PASS, "site")


def _no_zone(zones: tuple[str, ...]) -> Judgement:
    known = zones or tuple(zone for site in catalog.sites().values() for zone in site.zones)
    allowed = ", ".join(known)
    return Judgement(
        Verdict.FAIL,
        "zone",
        f"ゾーンが指定されていません。指定できるもの: {allowed}",
        f"the zone is missing; allowed: {allowed}",
    )


def _zone(node: Node, site: catalog.Site) -> Judgement:
    if node.text is None:
        return unknown(node, "ゾーン", "the zone")
    zones = (*site.zones, *site.storage_zones)
    if plain(node.text) in zones:
        return Judgement(Verdict.PASS, node.path)
    name, allowed = shown(node, node.text), ", ".join(zones)
    return Judgement(
        Verdict.FAIL,
        node.path,
        f"ゾーン {name} は {site.key} のものではありません。指定できるもの: {allowed or 'なし'}",
        f"zone {name} does not belong to {site.key}; allowed: {allowed or 'none'}",
    )
