"""`kokunai:sakura:PacketFilter`: stateless rules, updated in place while servers use them."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import PACKET_FILTER
from kokunai.errors import Problem
from kokunai.plugin.inputs import Inputs, Item, maps_in
from kokunai.plugin.sakura.fields import Described
from kokunai.plugin.sakura.kind import described, said_by
from kokunai.plugin.sakura.plain import PlainKind
from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.drivers.sakura_iaas import Item as ApiItem
    from kokunai.plugin.kind import Operation, Props

_MOST_RULES = 30
"""Sakura's manual: 30 rules a filter."""
_PORTS = re.compile(r"^(\d{1,5})(?:-(\d{1,5}))?$")
_LAST_PORT = 65535
_WITHOUT_PORTS = ("icmp", "fragment", "ip")


def _network(value: str) -> str:
    """One spelling for one network, so that it compares equal with the API's."""
    try:
        network = ipaddress.IPv4Network(value, strict=False) if value else None
    except ValueError:
        raise refusal(
            f"「{value}」は IPv4 のアドレスでもネットワークでもありません (例: 203.0.113.0/24)。",
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
            f"「{value}」はポートではありません (例: 22、1024-65535)。",
            f'"{value}" is not a port or a range such as 22 or 1024-65535.',
        )
    return str(low) if low == high else f"{low}-{high}"


Network = Annotated[str, AfterValidator(_network)]
Ports = Annotated[str, AfterValidator(_ports)]


class Rule(Inputs):
    """What happens to packets that come to a server; the first match wins."""

    protocol: Literal["tcp", "udp", "icmp", "fragment", "ip"]
    source_network: Network = ""
    source_port: Ports = ""
    destination_port: Ports = ""
    action: Literal["allow", "deny"]
    description: str = Field(default="", max_length=512)


class PacketFilterInputs(Described):
    """Stateless rules before the interfaces of servers."""

    rules: list[Item[Rule]] = Field(max_length=_MOST_RULES)
    """First match wins. / 先に合った規則が効きます。"""

    @classmethod
    def contradictions(cls, news: Props) -> Iterator[Problem]:
        """Only tcp and udp have ports."""
        yield from super().contradictions(news)
        for index, rule in enumerate(maps_in(news.get("rules"))):
            protocol = rule.get("protocol")
            for name in ("sourcePort", "destinationPort"):
                if protocol in _WITHOUT_PORTS and rule.get(name, "") != "":
                    yield Problem(
                        f"rules[{index}].{name}",
                        f"{protocol} にポートは指定できません。tcp か udp で使ってください。",
                        f"{protocol} has no ports; use tcp or udp.",
                    )


class PacketFilter(PlainKind):
    """Rules change in place: servers stay connected and running."""

    token = "kokunai:sakura:PacketFilter"  # noqa: S105 - a type token
    model = PacketFilterInputs
    collection = PACKET_FILTER
    replaced_by: ClassVar = {
        "zone": "パケットフィルタはゾーンを移せません / a filter cannot move to another zone"
    }

    def body(self, op: Operation, props: Props) -> ApiItem:
        """Everything but the zone."""
        return sakura_requests.packet_filter(
            name=props["name"], description=described(op, props), rules=props["rules"]
        )

    def view(self, item: ApiItem, given: Props) -> Props:
        """The API tells all of it."""
        return {
            "name": item["Name"],
            "zone": given["zone"],
            **said_by(item),
            "rules": [_rule(one) for one in item.get("Expression") or []],
        }


def _rule(seen: ApiItem) -> Props:
    """A rule as inputs have it after `check`."""
    network = str(seen.get("SourceNetwork") or "")
    return {
        "protocol": str(seen.get("Protocol", "")).lower(),
        "sourceNetwork": _as_checked(network),
        "sourcePort": str(seen.get("SourcePort") or ""),
        "destinationPort": str(seen.get("DestinationPort") or ""),
        "action": str(seen.get("Action", "")).lower(),
        "description": str(seen.get("Description") or ""),
    }


def _as_checked(network: str) -> str:
    """What the API knows beyond our inputs, an address range for example, stays as it is."""
    try:
        return _network(network)
    except ValueError:
        return network
