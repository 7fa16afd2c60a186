"""Compares the ports of a server with the networks that are wanted; decides and calls nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from kokunai.drivers.sakura_phy_views import Port, PortChannel, Server
    from kokunai.plugin.kind import Props

Assignment = dict[str, Any]
"""The body of `assign_network`."""
# An access port belongs to exactly one network, so one without any is a trunk of none.
NOTHING: Assignment = {
    "mode": "trunk",
    "internet_type": None,
    "dedicated_subnet_id": None,
    "private_network_ids": [],
}
_INTERNET = {"none": None, "common": "common_subnet", "dedicated": "dedicated_subnet"}
_INTERNET_WORDS = {word: key for key, word in _INTERNET.items()}


def channel_of(server: Server, link_speed: str) -> PortChannel:
    """The first pair of interfaces of this speed. Raises KokunaiError without one."""
    found = [row for row in server.port_channels if row.link_speed_type == link_speed]
    if found:
        return min(found, key=lambda row: row.port_channel_id)
    known = ", ".join(sorted({row.link_speed_type for row in server.port_channels})) or "-"
    raise KokunaiError(
        ja=f"サーバー {server.server_id} に {link_speed} のインターフェースはありません。"
        f"あるもの: {known}",
        en=f"server {server.server_id} has no interfaces of {link_speed}; it has: {known}",
    )


def ports_of(server: Server, channel: PortChannel) -> list[Port]:
    """The ports of a pair of interfaces, in the order of their ids."""
    found = [row for row in server.ports if row.port_channel_id == channel.port_channel_id]
    return sorted(found, key=lambda row: row.port_id)


def is_bonded(server: Server, channel: PortChannel, bonding: str) -> bool:
    """Whether a pair has this bonding, and as many ports as that means."""
    ports = 2 if bonding == "single" else 1
    return channel.bonding_type == bonding and len(ports_of(server, channel)) == ports


def is_connected(server: Server) -> bool:
    """Whether any port of it is connected to any network."""
    return any(assignment_of(port) != NOTHING for port in server.ports)


def assignments(wanted: Props) -> list[Assignment]:
    """What each port is to be connected to, in the order of the ports."""
    internet, networks = wanted["internet"], list(wanted["privateNetworkIds"])
    if wanted["bonding"] == "single":
        return [_assignment(internet, wanted, []), _assignment("none", wanted, networks)]
    return [_assignment(internet, wanted, networks)]


def _assignment(internet: str, wanted: Props, networks: list[str]) -> Assignment:
    count = len(networks) + (internet != "none")
    return {
        "mode": "access" if count == 1 else "trunk",
        "internet_type": _INTERNET[internet],
        "dedicated_subnet_id": (wanted["dedicatedSubnetId"] or None)
        if internet == "dedicated"
        else None,
        "private_network_ids": networks,
    }


def assignment_of(port: Port) -> Assignment:
    """What a port is connected to."""
    internet = port.internet
    subnet = internet.dedicated_subnet if internet else None
    networks = sorted(row.private_network_id for row in port.private_networks or ())
    has_any = bool(internet or networks)
    return {
        "mode": (port.mode or "trunk") if has_any else "trunk",
        "internet_type": internet.subnet_type if internet else None,
        "dedicated_subnet_id": subnet.dedicated_subnet_id if subnet else None,
        "private_network_ids": networks,
    }


def view(server: Server, link_speed: str) -> Props:
    """Bonding and networks as inputs."""
    channel = channel_of(server, link_speed)
    told = [assignment_of(port) for port in ports_of(server, channel)]
    internet = next((row for row in told if row["internet_type"]), NOTHING)
    networks = {network for row in told for network in row["private_network_ids"]}
    return {
        "linkSpeed": link_speed,
        "bonding": channel.bonding_type,
        "internet": _INTERNET_WORDS.get(internet["internet_type"], "none"),
        "dedicatedSubnetId": internet["dedicated_subnet_id"] or "",
        "privateNetworkIds": sorted(networks),
    }
