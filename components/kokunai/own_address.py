"""Tells whether `ssh_from` leaves out this machine, as far as the machine itself knows."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LAB = IPv4Network("198.18.0.0/15")
# Reserved for documentation: only the kernel's routes are asked, and no packet is sent.
_ANYWHERE = "203.0.113.1"


def own_addresses() -> list[IPv4Address]:
    """The addresses of this machine's interfaces; empty where the kernel does not tell them."""
    try:
        table = Path("/proc/net/fib_trie").read_text(encoding="ascii")
    except (OSError, ValueError):
        return []
    found = re.findall(r"\|-- ([0-9.]+)\n\s+/32 host LOCAL", table)
    return [address for address in map(IPv4Address, sorted(set(found))) if not address.is_loopback]


def source_to(address: str = _ANYWHERE) -> IPv4Address | None:
    """The address from which packets to `address` leave this machine; None without a route."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect((address, 22))
            return IPv4Address(route.getsockname()[0])
    except (OSError, ValueError):
        return None


def left_out(
    ssh_from: Sequence[str],
    *,
    lab: bool,
    addresses: Iterable[IPv4Address],
    source: IPv4Address | None,
) -> IPv4Address | None:
    """The address of this machine that the nodes will see and refuse; None where none is known.

    Behind address translation the outer address is not known, so nothing is said of it.
    """
    networks = [IPv4Network(cidr) for cidr in ssh_from]
    own = list(addresses)
    if any(address in network for address in own for network in networks):
        return None
    if lab:
        return next((address for address in own if address in _LAB), None)
    return source if source is not None and source.is_global else None


def warning(ssh_from: Sequence[str], *, lab: bool) -> str:
    """What a preview says of an `ssh_from` that leaves out this machine; empty where it does not.

    Both languages, Japanese first.
    """
    own = left_out(ssh_from, lab=lab, addresses=own_addresses(), source=source_to())
    if own is None:
        return ""
    return (
        f"access.ssh_from にこのマシンのアドレス {own} がありません。"
        "このマシンから pulumi up を実行すると、ノードに SSH で接続できません。"
        f"{own}/32 を加えてください\n"
        f"access.ssh_from leaves out this machine's address {own}; pulumi up from here "
        f"cannot reach the nodes over SSH; add {own}/32"
    )


def lockout(address: str, message: str) -> tuple[str, str]:
    """What to look at when SSH timed out, Japanese and English; empty for other errors."""
    if not re.search(r"port \d+: (Connection|Operation) timed out", message):
        return "", ""
    source = source_to(address)
    ja = f"（このマシンは {source} から接続しています）" if source else ""
    en = f" (this machine connects from {source})" if source else ""
    said_ja = (
        f"応答がありません。スタックファイルの access.ssh_from に、このマシンからの接続元{ja}を含む"
        "ネットワークを書いてください。NAT があるときは、その外側のアドレスです。"
    )
    said_en = (
        "No answer at all: access.ssh_from in the stack file must hold the network that this "
        f"machine comes from{en}; behind NAT that is the outer address."
    )
    return said_ja, said_en
