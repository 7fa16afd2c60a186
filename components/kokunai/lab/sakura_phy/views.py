"""Documents of the store as the API shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_phy.contracts import data, row_of

if TYPE_CHECKING:
    from kokunai.lab.places import Places
    from kokunai.lab.store import Doc

_BANDWIDTH = {"single": 10_000, "lacp": 20_000, "static": 20_000}


def _quiet(doc: Doc) -> dict[str, Any]:
    return {
        "service_id": doc["id"],
        "nickname": doc["nickname"],
        "description": doc["description"],
        "activated": data()["activated"],
        "tags": [
            {"tag_id": index + 1, "label": label, "color": "ffffff"}
            for index, label in enumerate(doc["tags"])
        ],
    }


def service(doc: Doc) -> dict[str, Any]:
    """The contract of a server."""
    return {
        **_quiet(doc),
        "product_category": "server",
        "plan": doc["plan"],
        "option_plans": [],
    }


def _network_doc(row: dict[str, Any]) -> Doc:
    return {**row, "description": None, "tags": []}


def network_service(row: dict[str, Any], category: str) -> dict[str, Any]:
    """The contract of a network."""
    quiet = _quiet(_network_doc(row))
    return {**quiet, "product_category": category, "plan": None, "option_plans": []}


def server(doc: Doc, places: Places) -> dict[str, Any]:
    """A server."""
    return {
        "server_id": doc["id"],
        "service": _quiet(doc),
        "zone": data()["zone"],
        "spec": data()["spec"],
        "cached_power_status": {"status": doc["power"], "stored": data()["activated"]},
        "ipv4": _ipv4(doc, places),
        "port_channels": [channel(doc)],
        "ports": [port(doc, row) for row in doc["ports"]],
        "lock_status": doc["lock"],
    }


def _ipv4(doc: Doc, places: Places) -> dict[str, Any] | None:
    kinds = {row["internet_type"] for row in doc["ports"]} - {None}
    if "common_subnet" not in kinds:
        return None
    network = places.shared_network
    return {
        "type": "common_ip_address",
        "ip_address": str(network[doc["host"]]),
        "network_address": str(network.network_address),
        "prefix_length": network.prefixlen,
        "gateway_address": places.gateway,
        "name_servers": ["192.0.2.53"],
    }


def channel(doc: Doc) -> dict[str, Any]:
    """The pair of interfaces of a server."""
    return {
        "port_channel_id": doc["channel_id"],
        "bonding_type": doc["bonding"],
        "ports": [row["id"] for row in doc["ports"]],
        "locked": False,
        "link_speed_type": "10gbe",
    }


def port(doc: Doc, row: Doc) -> dict[str, Any]:
    """A logical port."""
    networks = [row_of("private_networks", one) for one in row["private_network_ids"]]
    speed = _BANDWIDTH[doc["bonding"]]
    return {
        "port_id": row["id"],
        "nickname": row["nickname"],
        "port_channel_id": doc["channel_id"],
        "mode": row["mode"],
        "global_bandwidth_mbps": speed if row["internet_type"] else None,
        "local_bandwidth_mbps": speed if networks else None,
        "enabled": row["enabled"],
        "internet": _internet(row),
        "private_networks": [
            {"private_network_id": one["id"], "nickname": one["nickname"]}
            for one in networks
            if one
        ],
    }


def _internet(row: Doc) -> dict[str, Any] | None:
    if row["internet_type"] is None:
        return None
    subnet = row_of("dedicated_subnets", row["dedicated_subnet_id"])
    attached = subnet and {"dedicated_subnet_id": subnet["id"], "nickname": subnet["nickname"]}
    return {
        "subnet_type": row["internet_type"],
        "dedicated_subnet": attached,
        "network_address": subnet["network"] if subnet else "203.0.113.0",
        "prefix_length": subnet["prefix_length"] if subnet else 24,
    }


def private_network(row: dict[str, Any], server_count: int) -> dict[str, Any]:
    """A private network."""
    return {
        "private_network_id": row["id"],
        "service": _quiet(_network_doc(row)),
        "zone": data()["zone"],
        "vlan_id": row["vlan_id"],
        "hybrid": {"service_id": "", "destinations": []},
        "server_count": server_count,
    }


def dedicated_subnet(row: dict[str, Any], server_count: int) -> dict[str, Any]:
    """A dedicated global network."""
    none6 = {"network_address": "", "prefix_length": 0, "gateway_address": ""}
    return {
        "dedicated_subnet_id": row["id"],
        "service": _quiet(_network_doc(row)),
        "zone": data()["zone"],
        "ipv4": {
            "network_address": row["network"],
            "prefix_length": row["prefix_length"],
            "gateway_address": "192.0.2.225",
            "broadcast_address": "192.0.2.239",
            "special_use_addresses": [],
        },
        "ipv6": {"enabled": False, **none6, "broadcast_address": "", "special_use_addresses": []},
        "server_count": server_count,
        "firewall": None,
        "load_balancer": None,
        "config_status": "operational",
    }
