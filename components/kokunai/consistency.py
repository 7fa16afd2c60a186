"""Finds mistakes between the parts of a stack file, such as a pool in a network that is absent."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from kokunai import capacity, catalog, model, resolved
from kokunai.errors import KokunaiError, Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator

# One label of a domain name (RFC 1035).
_LIMIT_HOST_NAME = 63

_Part = TypeVar("_Part", bound=BaseModel)


@dataclass(frozen=True)
class _Parts:
    """The rows that are valid by themselves, by index, so that mistakes between them are found.

    Invalid rows are left out; they are reported elsewhere.
    """

    networks: dict[int, model.Network]
    pools: dict[int, model.GpuNodePool]
    storage: dict[int, model.Storage]
    network_names: frozenset[str]
    """Names of all networks as written, also of those that are invalid otherwise."""

    def network(self, name: str | None) -> model.Network | None:
        """The valid network of this name, or None."""
        return next((row for row in self.networks.values() if row.name == name), None)


def _parts(raw: Any) -> _Parts:
    source = raw if isinstance(raw, dict) else {}
    networks = source.get("networks")
    rows = [row for row in networks if isinstance(row, dict)] if isinstance(networks, list) else []
    return _Parts(
        networks=_readable(networks, model.Network),
        pools=_readable(source.get("pools"), model.GpuNodePool),
        storage=_readable(source.get("storage"), model.Storage),
        network_names=frozenset(str(row["name"]) for row in rows if "name" in row),
    )


def _readable(rows: Any, kind: type[_Part]) -> dict[int, _Part]:
    readable = {}
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        try:
            readable[index] = kind.model_validate(row)
        except ValidationError:
            continue
    return readable


def problems(raw: Any) -> Iterator[Problem]:
    """Every mistake between the valid parts of an environment given as plain data."""
    parts = _parts(raw)
    yield from _repeated_names("networks", parts.networks)
    yield from _repeated_names("pools", parts.pools)
    yield from _repeated_names("storage", parts.storage)
    yield from _unknown_sites_and_gpus(parts)
    yield from _overlapping_networks(parts.networks)
    yield from _unknown_networks(parts)
    yield from _clashing_hosts(parts)
    yield from _repeated_mounts(parts.storage)
    yield from _long_names(raw, parts.pools)


def _long_names(raw: Any, pools: dict[int, model.GpuNodePool]) -> Iterator[Problem]:
    name = str(raw.get("name")) if isinstance(raw, dict) else ""
    for index, pool in pools.items():
        longest = f"{name}-{pool.name}-{max(pool.node_count - 1, 0)}"
        if len(longest) > _LIMIT_HOST_NAME:
            yield Problem(
                path_text(("pools", index, "name")),
                f"ホスト名 {longest} が {_LIMIT_HOST_NAME} 文字を超えます。name を短くしてください",
                f"the host name {longest} is longer than {_LIMIT_HOST_NAME}; shorten a name",
            )


def _repeated_mounts(shares: dict[int, model.Storage]) -> Iterator[Problem]:
    first: dict[tuple[str, str], int] = {}
    for index, share in shares.items():
        if (earlier := first.setdefault((share.network, share.mount), index)) != index:
            yield Problem(
                path_text(("storage", index, "mount")),
                f"{share.mount} には storage[{earlier}] がマウントされます",
                f"storage[{earlier}] is mounted at {share.mount}",
            )


def _repeated_names(section: str, rows: dict[int, Any]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, row in rows.items():
        if (earlier := first.setdefault(row.name, index)) != index:
            yield Problem(
                path_text((section, index, "name")),
                f"名前 {row.name} は {section}[{earlier}] と重複しています",
                f"name {row.name} is already used by {section}[{earlier}]",
            )


def _unknown_sites_and_gpus(parts: _Parts) -> Iterator[Problem]:
    for index, network in parts.networks.items():
        members = [pool for pool in parts.pools.values() if pool.network == network.name]
        yield from _unknown_service(index, network, members)
    for index, pool in parts.pools.items():
        yield from _unknown_offer(index, pool, parts.network(pool.network))


def _unknown_service(
    index: int, network: model.Network, members: list[model.GpuNodePool]
) -> Iterator[Problem]:
    with _collected(("networks", index, "site")) as problems:
        service = catalog.service(network.site)
    if not problems:
        with _collected(("networks", index, "zone")) as problems:
            site = catalog.site(network.site)
            if network.zone is not None and network.zone not in site.zones:
                raise _unknown_zone(network.zone, site)
            offers = [offer for pool in members if (offer := _offer(pool))]
            capacity.networks(service.driver).zone(network, service, offers)
    yield from problems


def _offer(pool: model.GpuNodePool) -> catalog.Offer | None:
    """The pool's offer, or None: a missing offer is reported as a problem of the pool."""
    try:
        return resolved.offer_of(pool)
    except KokunaiError:
        return None


def _unknown_zone(zone: str, site: catalog.Site) -> KokunaiError:
    allowed = ", ".join(site.zones)
    return KokunaiError(
        ja=f"ゾーン {zone} は {site.key} にありません。指定できるもの: {allowed}",
        en=f"{site.key} has no zone {zone}; allowed: {allowed}",
    )


def _unknown_offer(
    index: int, pool: model.GpuNodePool, network: model.Network | None
) -> Iterator[Problem]:
    with _collected(("pools", index, "site")) as problems:
        catalog.site(pool.site)
    if not problems:
        with _collected(("pools", index, "gpu" if pool.offer is None else "offer")) as problems:
            offer = resolved.offer_of(pool)
            door = capacity.door(offer.driver)
    if not problems:
        with _collected(("pools", index, "image")) as problems:
            catalog.image(pool.image, driver=offer.driver)
    if not problems and network is not None:
        with _collected(("pools", index, "network")) as problems:
            _refuse_other_driver(offer, network)
    if not problems:
        with _collected(("pools", index)) as problems:
            problems += [
                replace(problem, path=f"pools[{index}].{problem.path}")
                for problem in door.problems(pool, offer, network)
            ]
    yield from problems


def _refuse_other_driver(offer: catalog.Offer, network: model.Network) -> None:
    """A network reaches only what the same driver makes."""
    driver = catalog.service(network.site).driver
    if driver != offer.driver:
        raise KokunaiError(
            ja=f"{offer.key} は {offer.driver} で調達し、{network.name} は {driver} で作ります。"
            "つながりません",
            en=f"{offer.key} is obtained through {offer.driver}, but {network.name} is made "
            f"through {driver}: they do not connect",
        )


@contextmanager
def _collected(location: tuple[str | int, ...]) -> Iterator[list[Problem]]:
    """Turn a refusal inside the block into a problem at this place."""
    problems: list[Problem] = []
    try:
        yield problems
    except KokunaiError as error:
        problems.append(Problem(path_text(location), error.ja, error.en))


def _overlapping_networks(networks: dict[int, model.Network]) -> Iterator[Problem]:
    for (first, network), (second, other) in combinations(networks.items(), 2):
        if IPv4Network(network.cidr).overlaps(IPv4Network(other.cidr)):
            yield Problem(
                path_text(("networks", second, "cidr")),
                f"{other.cidr} は networks[{first}] の {network.cidr} と重なっています",
                f"{other.cidr} overlaps {network.cidr} of networks[{first}]",
            )


def _unknown_networks(parts: _Parts) -> Iterator[Problem]:
    names = ", ".join(row.name for row in parts.networks.values()) or "なし / none"
    for section, rows in (("pools", parts.pools), ("storage", parts.storage)):
        for index, row in rows.items():
            if row.network is not None and row.network not in parts.network_names:
                yield Problem(
                    path_text((section, index, "network")),
                    f"ネットワーク {row.network} は networks にありません。あるもの: {names}",
                    f"network {row.network} is not among networks; there are: {names}",
                )
    yield from _networks_elsewhere(parts)


def _networks_elsewhere(parts: _Parts) -> Iterator[Problem]:
    for index, pool in parts.pools.items():
        network = parts.network(pool.network)
        if network is not None and network.site != pool.site:
            yield Problem(
                path_text(("pools", index, "network")),
                f"ネットワーク {network.name} は {network.site} にあり、{pool.site} では使えません",
                f"network {network.name} is at {network.site}, out of reach of {pool.site}",
            )


def _claims(parts: _Parts) -> Iterator[tuple[model.Network, tuple[str | int, ...], str, range]]:
    """Every range of host numbers in use: network, path, name of who uses it, and the range."""
    for index, pool in parts.pools.items():
        if network := parts.network(pool.network):
            block = range(pool.first_host, pool.first_host + pool.node_count)
            yield network, ("pools", index, "first_host"), f"pools[{index}]", block
    for index, share in parts.storage.items():
        if network := parts.network(share.network):
            block = range(share.host, share.host + 1)
            yield network, ("storage", index, "host"), f"storage[{index}]", block


def _clashing_hosts(parts: _Parts) -> Iterator[Problem]:
    claims = list(_claims(parts))
    for network, location, _, block in claims:
        last = IPv4Network(network.cidr).num_addresses - 2
        if len(block) and block[-1] > last:
            yield Problem(
                path_text(location),
                f"ホスト番号 {block[-1]} は {network.cidr} に入りません。1 から {last} まで",
                f"host number {block[-1]} does not fit {network.cidr}; allowed: 1 to {last}",
            )
    for (network, _, taker, first), (other, location, _, second) in combinations(claims, 2):
        if network.name == other.name and set(first) & set(second):
            yield Problem(
                path_text(location),
                f"ホスト番号が {taker} と重なっています（{network.name}）",
                f"host numbers overlap those of {taker} in {network.name}",
            )
