"""Translates packet filter rules into nftables text, without running anything."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.lab.machines import FilterRule

_TABLE = "bridge kokunai"
# The bit "more fragments" or an offset: true for every piece of a fragmented packet.
_FRAGMENT = "ip frag-off & 0x3fff != 0"
_PROTOCOLS = {
    "tcp": "meta l4proto tcp",
    "udp": "meta l4proto udp",
    "http": "tcp dport 80",
    "https": "tcp dport 443",
    "icmp": "meta l4proto icmp",
    "fragment": _FRAGMENT,
    "ip": "meta protocol { ip, ip6 }",  # not ARP, which a host needs to be reached at all
}
_VERDICTS = {"allow": "accept", "deny": "drop"}


def chain(port: str, rules: Iterable[FilterRule] | None) -> str:
    """Replace a port's rules in one transaction; None removes the filter.

    A packet that no rule matches passes, as with the provider when no last rule denies.
    Each port has a base chain of its own: a verdict map whose element was added and deleted in one
    transaction no longer matched when it was added again (seen on Linux 6.18).
    """
    hook = "{ type filter hook forward priority 0; }"
    chain = f"add chain {_TABLE} {port} {hook}\nflush chain {_TABLE} {port}\n"
    emptied = f"add table {_TABLE}\n{chain}"
    if rules is None:
        return f"{emptied}delete chain {_TABLE} {port}\n"
    matched = (f'oifname "{port}" {_matched(rule)}' for rule in rules)
    return emptied + "".join(f"add rule {_TABLE} {port} {text}\n" for text in matched)


def uplink(interface: str) -> str:
    """Rules of the machine for its end of the shared segment: replies only, and nothing onwards.

    A host is foreign code: what the machine serves at 0.0.0.0 is not for it, and a changed default
    route must not lead out through the machine.
    """
    table = f"inet {interface}"
    return (
        f"add table {table}\ndelete table {table}\n"
        f"table {table} {{\n"
        "  chain input {\n"
        "    type filter hook input priority -5;\n"
        f'    iifname "{interface}" ct state established,related accept\n'
        f'    iifname "{interface}" drop\n'
        "  }\n"
        "  chain forward {\n"
        "    type filter hook forward priority -5;\n"
        f'    iifname "{interface}" drop\n'
        f'    oifname "{interface}" drop\n'
        "  }\n"
        "}\n"
    )


def _matched(rule: FilterRule) -> str:
    parts = [_PROTOCOLS[rule.protocol]]
    if rule.source_network:
        parts.append(f"ip saddr {_source(rule.source_network)}")
    if rule.protocol in ("tcp", "udp"):
        parts += _ports(rule)
    return " ".join([*parts, _VERDICTS[rule.action]])


def _source(network: str) -> str:
    """The network as nftables takes it: with a prefix length instead of a netmask."""
    return str(ipaddress.IPv4Network(network, strict=False)) if "/" in network else network


def _ports(rule: FilterRule) -> list[str]:
    sides = (("sport", rule.source_port), ("dport", rule.destination_port))
    return [f"{rule.protocol} {side} {value}" for side, value in sides if value]
