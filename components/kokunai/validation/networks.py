"""Finds networks that would take addresses away from others: the internet, a resolver, the lab."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any

from kokunai import catalog
from kokunai.errors import Problem, path_text
from kokunai.validation import address_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai import model

# The benchmark range (RFC 2544), in which the lab's shared segments lie.
_LAB = IPv4Network("198.18.0.0/15")


def problems(networks: Mapping[int, model.Network], raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Every mistake about what a network's addresses mean elsewhere; `raw` is the whole file."""
    for index, row in networks.items():
        found = next(_of(row, raw), None)
        if found:
            yield Problem(path_text(("networks", index, "cidr")), *found)
    yield from _overlapping(networks)


def _of(row: model.Network, raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = IPv4Network(row.cidr)
    if raw.get("lab") is True and given.overlaps(_LAB):
        yield (
            f"{row.cidr} はラボの共有セグメント（{_LAB}）と重なります",
            f"{row.cidr} overlaps the lab's shared segment, {_LAB}",
        )
    if address_ranges.is_private(row.cidr):
        return
    if not row.allow_any_range:
        yield address_ranges.not_private(row.cidr)
    for address in _servers(row.site, raw):
        if address in given:
            ja = f"{row.cidr} の中に、ノードが使うサーバー {address} があり、届かなくなります"
            yield ja, f"{row.cidr} holds {address}, which the nodes use, and would hide it"


def _servers(site: str, raw: Mapping[str, Any]) -> Iterator[IPv4Address]:
    """Resolvers and time servers that are given by address."""
    hosts = raw.get("hosts")
    named = catalog.sites()[site].name_servers if site in catalog.sites() else ()
    given = list(named)
    for key in ("dns_servers", "ntp_servers"):
        listed = hosts.get(key) if isinstance(hosts, dict) else None
        if isinstance(listed, list):
            given += [text for text in listed if isinstance(text, str)]
    for text in given:
        try:
            yield IPv4Address(text)
        except AddressValueError:
            continue


def _overlapping(networks: Mapping[int, model.Network]) -> Iterator[Problem]:
    """Each network that overlaps one before it, told once."""
    spans = sorted((IPv4Network(row.cidr), index) for index, row in networks.items())
    widest: tuple[IPv4Network, int] | None = None
    told: set[int] = set()
    for here in spans:
        if widest and here[0].overlaps(widest[0]):
            first, second = sorted((widest[1], here[1]))
            if second in told:
                continue
            told.add(second)
            yield Problem(
                path_text(("networks", second, "cidr")),
                f"{networks[second].cidr} は networks[{first}] の {networks[first].cidr} "
                "と重なっています",
                f"{networks[second].cidr} overlaps {networks[first].cidr} of networks[{first}]",
            )
        if widest is None or here[0].broadcast_address > widest[0].broadcast_address:
            widest = here
