"""`kokunai:sakura:PacketFilter`: stateless rules, updated in place while servers use them."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import PACKET_FILTER
from kokunai.drivers.sakura_limits import LONGEST_DESCRIPTION, MOST_RULES
from kokunai.errors import Problem
from kokunai.plugin.inputs import Inputs, MaybeUnknown, maps_in
from kokunai.plugin.sakura.fields import Described
from kokunai.plugin.sakura.kind import described, description_inputs
from kokunai.plugin.sakura.simple_kind import SimpleKind
from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Operation, Props

_PORTS = re.compile(r"^(\d{1,5})(?:-(\d{1,5}))?$")
_LAST_PORT = 65535
_WITHOUT_PORTS = ("icmp", "fragment", "ip")


def _network(value: str) -> str:
    """The network as the API spells it, so that equal networks compare equal."""
    try:
        network = ipaddress.IPv4Network(value, strict=False) if value else None
    except ValueError:
        raise refusal(
            f"「{value}」は IPv4 のアドレスでもネットワークでもありません（例: 203.0.113.0/24）。",
            f'"{value}" is neither an IPv4 address nor a network such as 203.0.113.0/24.',
        ) from None
    if network is None:
        return ""
    return str(network.network_address if network.prefixlen == 32 else network)


def _ports(value: str) -> str:
    match = _PORTS.match(value)
    if not value:
        return value
    low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not 0 <= low <= high <= _LAST_PORT:
        raise refusal(
            f"「{value}」はポートではありません（例: 22、1024-65535）。",
            f'"{value}" is not a port or a range such as 22 or 1024-65535.',
        )
    return str(low) if low == high else f"{low}-{high}"


Network = Annotated[str, AfterValidator(_network)]
Ports = Annotated[str, AfterValidator(_ports)]


class Rule(Inputs):
    """What happens to packets that come to a server; the first match wins."""

    protocol: Literal["tcp", "udp", "icmp", "fragment", "ip"]
    """Protocol; `ip` is every one. / プロトコル（`ip` はすべて）。"""
    source_network: Network = ""
    """IPv4 address or network of the sender; empty is any. / 送信元（空はすべて）。"""
    source_port: Ports = ""
    """Port or range of the sender, for example `1024-65535`; empty is any. / 送信元ポート。"""
    destination_port: Ports = ""
    """Port or range at the server; empty is any. / 宛先ポート（空はすべて）。"""
    action: Literal["allow", "deny"]
    """What happens to the packet. / 許可か拒否か。"""
    description: str = Field(default="", max_length=LONGEST_DESCRIPTION)
    """Free text. / 説明。"""


class PacketFilterInputs(Described):
    """Stateless rules before the interfaces of servers."""

    rules: list[MaybeUnknown[Rule]] = Field(max_length=MOST_RULES)
    """First match wins. / 先に一致した規則が適用されます。"""

    @classmethod
    def contradictions(cls, given: Props) -> Iterator[Problem]:
        """Rules with ports for a protocol that has none."""
        yield from super().contradictions(given)
        for index, rule in enumerate(maps_in(given.get("rules"))):
            protocol = rule.get("protocol")
            for name in ("sourcePort", "destinationPort"):
                if protocol in _WITHOUT_PORTS and rule.get(name, "") != "":
                    yield Problem(
                        f"rules[{index}].{name}",
                        f"{protocol} にポートは指定できません。tcp か udp で使ってください。",
                        f"{protocol} has no ports; use tcp or udp.",
                    )


class PacketFilter(SimpleKind):
    """A packet filter; its rules change in place while servers stay connected and running."""

    pulumi_type = "kokunai:sakura:PacketFilter"
    model = PacketFilterInputs
    collection = PACKET_FILTER
    replaced_by: ClassVar = {
        "zone": "パケットフィルターはゾーンを移せません / a filter cannot move to another zone"
    }

    def body(self, op: Operation, props: Props) -> Item:
        """The body of a request with all inputs but the zone."""
        return sakura_requests.packet_filter(
            name=props["name"], description=described(op, props), rules=props["rules"]
        )

    def view(self, item: Item, given: Props) -> Props:
        """The inputs; the API shows all of them."""
        return {
            "name": item["Name"],
            "zone": given["zone"],
            **description_inputs(item),
            "rules": [_rule(expression) for expression in item.get("Expression") or []],
        }


def _rule(expression: Item) -> Props:
    """A rule as inputs have it after `check`."""
    network = str(expression.get("SourceNetwork") or "")
    return {
        "protocol": str(expression.get("Protocol", "")).lower(),
        "sourceNetwork": _as_checked(network),
        "sourcePort": str(expression.get("SourcePort") or ""),
        "destinationPort": str(expression.get("DestinationPort") or ""),
        "action": str(expression.get("Action", "")).lower(),
        "description": str(expression.get("Description") or ""),
    }


def _as_checked(network: str) -> str:
    """A network as `check` spells it; an address range, which inputs cannot have, stays as is."""
    try:
        return _network(network)
    except ValueError:
        return network
