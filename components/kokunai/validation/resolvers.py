"""Finds resolvers at addresses where none can be: a node's own, a share's, an end of a network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import TYPE_CHECKING, Any

from kokunai import resolved
from kokunai.errors import Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai import model

Text = tuple[str, str]


def problems(
    hosts: Any,
    networks: Mapping[int, model.Network],
    pools: Mapping[int, model.GpuNodePool],
    shares: Mapping[int, model.Storage],
) -> Iterator[Problem]:
    """Every resolver in `hosts`, given as plain data, that the nodes could not ask."""
    given = hosts.get("dns_servers") if isinstance(hosts, dict) else None
    for index, text in enumerate(given if isinstance(given, list) else []):
        address = _ipv4(text)
        why = next(_why_not(address, networks, pools, shares), None) if address else None
        if why:
            yield Problem(path_text(("hosts", "dns_servers", index)), *why)


def _ipv4(text: Any) -> IPv4Address | None:
    """The address, also where it is written in IPv6 form."""
    try:
        found = ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if isinstance(found, IPv4Address) else getattr(found, "ipv4_mapped", None)


def _why_not(
    address: IPv4Address,
    networks: Mapping[int, model.Network],
    pools: Mapping[int, model.GpuNodePool],
    shares: Mapping[int, model.Storage],
) -> Iterator[Text]:
    for network in networks.values():
        cidr = IPv4Network(network.cidr)
        if address not in cidr:
            continue
        if address in {cidr.network_address, cidr.broadcast_address}:
            yield (
                f"{address} は {network.name}（{cidr}）の両端のアドレスで、ホストではありません",
                f"{address} is the first or last address of {network.name} ({cidr}), and no host",
            )
        number = int(address) - int(cidr.network_address)
        yield from _taken(address, number, network.name, pools, shares)


def _taken(
    address: IPv4Address,
    number: int,
    network: str,
    pools: Mapping[int, model.GpuNodePool],
    shares: Mapping[int, model.Storage],
) -> Iterator[Text]:
    for pool in pools.values():
        if pool.network == network and number in resolved.host_numbers(pool):
            node = f"{pool.name}-{number - pool.first_host}"
            ja = f"{address} はノード {node} 自身のアドレスで、DNS サーバーではありません。"
            en = f"{address} is the node {node} itself, and nodes are no resolvers; "
            yield (
                f"{ja}外にある DNS サーバーを指定するか、dns_servers を省いてください",
                f"{en}give a resolver outside of them, or leave dns_servers out",
            )
    for share in shares.values():
        if share.network == network and number in resolved.host_number(share):
            yield (
                f"{address} は共有ストレージ {share.name} のアドレスで、DNS サーバーではありません",
                f"{address} is the file share {share.name}, and no resolver",
            )
