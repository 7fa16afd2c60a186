"""Finds mistakes between the parts of a stack file, such as a pool in a network that is absent."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from kokunai import capacity, catalog, model, placement, resolved
from kokunai.errors import KokunaiError, Problem, path_text
from kokunai.validation import images, names, networks, renames, resolvers, shares

if TYPE_CHECKING:
    from collections.abc import Iterator

Location = tuple[str | int, ...]

_Part = TypeVar("_Part", bound=BaseModel)


@dataclass(frozen=True)
class _Parts:
    """The rows that are valid by themselves, by index, so that mistakes between them are found.

    Invalid rows are left out; they are reported elsewhere.
    """

    networks: dict[int, model.Network]
    pools: dict[int, model.GpuNodePool]
    storage: dict[int, model.Storage]
    buckets: dict[int, model.Bucket]
    access: model.Access | None
    network_names: frozenset[str]
    """Names of all networks as written, also of those that are invalid otherwise."""

    def network(self, name: str | None) -> model.Network | None:
        """The valid network of this name, or None."""
        return next((row for row in self.networks.values() if row.name == name), None)


def _parts(source: dict[str, Any]) -> _Parts:
    networks = source.get("networks")
    rows = [row for row in networks if isinstance(row, dict)] if isinstance(networks, list) else []
    return _Parts(
        networks=_readable(networks, model.Network),
        pools=_readable(source.get("pools"), model.GpuNodePool),
        storage=_readable(source.get("storage"), model.Storage),
        buckets=_readable(source.get("buckets"), model.Bucket),
        access=next(iter(_readable([source.get("access")], model.Access).values()), None),
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
    source = raw if isinstance(raw, dict) else {}
    parts = _parts(source)
    yield from _repeated_names("networks", parts.networks)
    yield from _repeated_names("pools", parts.pools)
    yield from _repeated_names("storage", parts.storage)
    yield from _repeated_names("buckets", parts.buckets)
    yield from renames.problems("buckets", parts.buckets)
    yield from _impossible_buckets(parts.buckets)
    yield from renames.problems("networks", parts.networks)
    yield from renames.problems("pools", parts.pools)
    yield from renames.problems("storage", parts.storage)
    yield from _unknown_sites_and_gpus(parts)
    yield from networks.problems(parts.networks, source)
    yield from resolvers.problems(source.get("hosts"), parts.networks, parts.pools, parts.storage)
    yield from _unknown_networks(parts)
    yield from _clashing_hosts(parts)
    yield from shares.problems(parts.storage, parts.pools.values())
    yield from images.problems(parts.pools, source)
    yield from names.problems(str(source.get("name")), parts.pools, parts.storage)
    yield from _refused_by_sellers(parts)


def _refused_by_sellers(parts: _Parts) -> Iterator[Problem]:
    """What the API of each driver in use would refuse of the whole file."""
    offers = {index: _offer(pool) for index, pool in parts.pools.items()}
    drivers = {index: offer.driver for index, offer in offers.items() if offer}
    shares = {
        index: driver
        for index, share in parts.storage.items()
        if (network := parts.network(share.network)) and (driver := _driver_of(network))
    }
    for driver in dict.fromkeys([*drivers.values(), *shares.values()]):
        asked = capacity.Asked(
            access=parts.access,
            pools={index: parts.pools[index] for index, by in drivers.items() if by == driver},
            shares={index: parts.storage[index] for index, by in shares.items() if by == driver},
        )
        if driver in capacity.DOORS:
            yield from capacity.limits(driver, asked)


def _impossible_buckets(rows: dict[int, model.Bucket]) -> Iterator[Problem]:
    """Buckets at a site without object storage."""
    for index, row in rows.items():
        with _collected(("buckets", index, "site")) as problems:
            service = catalog.service(row.site)
            capacity.buckets(service.driver).bucket_zone(service)
        yield from problems


def _driver_of(network: model.Network) -> str | None:
    """The driver that makes a network, None where its site has none."""
    try:
        return resolved.service_of(network).driver
    except KokunaiError:
        return None


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
        service = resolved.service_of(network)
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
    if not problems and (refused := placement.size_problem(pool, placement.shape_of(offer))):
        problems.append(replace(refused, path=f"pools[{index}].{refused.path}"))
    if not problems and capacity.managed(offer.driver) is None:
        with _collected(("pools", index, "image")) as problems:
            catalog.image(pool.image, driver=offer.driver)
    if not problems and network is not None:
        with _collected(("pools", index, "network")) as problems:
            _refuse_other_driver(offer, pool, network)
    if not problems:
        with _collected(("pools", index)) as problems:
            problems += [
                replace(problem, path=f"pools[{index}].{problem.path}")
                for problem in door.problems(pool, offer, network)
            ]
    yield from problems


def _refuse_other_driver(
    offer: catalog.Offer, pool: model.GpuNodePool, network: model.Network
) -> None:
    """A network reaches what the same driver makes, or what came with the same contract."""
    driver = resolved.service_of(network).driver
    is_of_one_contract = network.contract is not None and network.contract == pool.contract
    if driver != offer.driver and not is_of_one_contract:
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


def _unknown_networks(parts: _Parts) -> Iterator[Problem]:
    names = ", ".join(row.name for row in parts.networks.values())
    for section, rows in (("pools", parts.pools), ("storage", parts.storage)):
        for index, row in rows.items():
            if row.network is not None and row.network not in parts.network_names:
                yield Problem(
                    path_text((section, index, "network")),
                    f"ネットワーク {row.network} は networks にありません。"
                    f"あるもの: {names or 'なし'}",
                    f"network {row.network} is not among networks; there are: {names or 'none'}",
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


def _claims(parts: _Parts) -> Iterator[tuple[model.Network, Location, str, range]]:
    """Every range of host numbers in use: network, path, name of who uses it, and the range."""
    for index, pool in parts.pools.items():
        if network := parts.network(pool.network):
            block = resolved.host_numbers(pool)
            yield network, ("pools", index, "first_host"), f"pools[{index}]", block
    for index, share in parts.storage.items():
        if network := parts.network(share.network):
            block = resolved.host_number(share)
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
    yield from _shared_numbers(claims)


def _shared_numbers(claims: list[tuple[model.Network, Location, str, range]]) -> Iterator[Problem]:
    """Each claim that shares a host number with one before it, told once."""
    takers: dict[tuple[str, int], str] = {}
    for network, location, name, block in claims:
        taken = [takers[key] for number in block if (key := (network.name, number)) in takers]
        if taken:
            yield Problem(
                path_text(location),
                f"ホスト番号が {taken[0]} と重なっています（{network.name}）",
                f"host numbers overlap those of {taken[0]} in {network.name}",
            )
        takers |= {(network.name, number): name for number in block}
