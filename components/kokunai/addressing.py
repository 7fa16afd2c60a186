"""Computes the names and addresses of all nodes from the stack file, so that previews know them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kokunai import model


@dataclass(frozen=True)
class Node:
    """One server of a pool; `address` is its place in the private network, if it has one."""

    name: str
    number: int
    address: str | None
    prefix_length: int | None

    @property
    def interface_address(self) -> str | None:
        """`192.168.10.11/24`, or None without a private network."""
        return f"{self.address}/{self.prefix_length}" if self.address else None


def nodes(pool: model.GpuNodePool, network: model.Network | None, count: int) -> list[Node]:
    """All `count` nodes of a pool; growing the pool never renames or moves an existing node."""
    return [_node(pool, number, network) for number in range(count)]


def _node(pool: model.GpuNodePool, number: int, network: model.Network | None) -> Node:
    name = f"{pool.name}-{number}"
    if network is None:
        return Node(name, number, None, None)
    cidr = IPv4Network(network.cidr)
    return Node(name, number, str(cidr[pool.first_host + number]), cidr.prefixlen)


def share_address(share: model.Storage, network: model.Network) -> str:
    """Address of a file server in its network."""
    return str(IPv4Network(network.cidr)[share.host])
