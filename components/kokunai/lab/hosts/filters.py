"""Packet filter rules as nftables text: decisions only, nothing is run here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.lab.machines import FilterRule

_TABLE = "bridge kokunai"
# MF bit or an offset: every piece of a fragmented packet.
_FRAGMENT = "ip frag-off & 0x3fff != 0"
_PROTOCOLS = {
    "tcp": "meta l4proto tcp",
    "udp": "meta l4proto udp",
    "icmp": "meta l4proto icmp",
    "fragment": _FRAGMENT,
    "ip": "meta protocol { ip, ip6 }",  # never ARP: without it nothing passes
}
_VERDICTS = {"allow": "accept", "deny": "drop"}


def table() -> str:
    """The lab's table; packets towards a port with a filter jump to that port's chain."""
    hooks = "".join(
        f"add chain {_TABLE} {hook} {{ type filter hook {hook} priority 0; }}\n"
        f"flush chain {_TABLE} {hook}\n"
        f"add rule {_TABLE} {hook} oifname vmap @ports\n"
        for hook in ("forward", "output")
    )
    return f"add table {_TABLE}\nadd map {_TABLE} ports {{ type ifname : verdict; }}\n{hooks}"


def chain(port: str, rules: Iterable[FilterRule] | None) -> str:
    """Replace a port's rules in one transaction; None removes the filter.

    A packet that no rule matches passes, as with the provider when no last rule denies.
    """
    if rules is None:
        return _emptied(port) + _forgotten(port)
    lines = "".join(f"add rule {_TABLE} {port} {_matched(rule)}\n" for rule in rules)
    return _emptied(port) + lines


def _emptied(port: str) -> str:
    return (
        f"add chain {_TABLE} {port}\n"
        f"flush chain {_TABLE} {port}\n"
        f'add element {_TABLE} ports {{ "{port}" : jump {port} }}\n'
    )


def _forgotten(port: str) -> str:
    return f'delete element {_TABLE} ports {{ "{port}" }}\ndelete chain {_TABLE} {port}\n'


def _matched(rule: FilterRule) -> str:
    parts = [_PROTOCOLS[rule.protocol]]
    if rule.source_network:
        parts.append(f"ip saddr {rule.source_network}")
    if rule.protocol in ("tcp", "udp"):
        parts += _ports(rule)
    return " ".join([*parts, _VERDICTS[rule.action]])


def _ports(rule: FilterRule) -> list[str]:
    sides = (("sport", rule.source_port), ("dport", rule.destination_port))
    return [f"{rule.protocol} {side} {value}" for side, value in sides if value]
