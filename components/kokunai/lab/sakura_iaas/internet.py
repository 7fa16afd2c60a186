"""Handlers for routers with their switch, each with a block of addresses that the API chooses."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import fields, labels, switches, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from kokunai.lab.store import Doc

_POOL = tuple(
    ipaddress.IPv4Network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)
"""Networks of documents, which nobody has on the internet."""
_MASK_LENGTHS = (26, 27, 28)
_BANDWIDTHS = (100, 250, *range(500, 10_001, 500))
"""iaas-api-go v1.29.2 types/internet_constants.go, as the lengths are."""
_FIRST_USABLE, _BEFORE_LAST = 4, -2


def list_routers(call: Call) -> Reply:
    """GET internet."""
    return page(
        call, "Internet", [_view(call, doc) for doc in call.store.all("internet", call.zone)]
    )


def create_router(call: Call) -> Reply:
    """POST internet: the router, its switch and its block."""
    body = fields.section(call.body, "Internet")
    length = _one_of(body, "NetworkMaskLen", _MASK_LENGTHS, 28)
    bandwidth = _one_of(body, "BandWidthMbps", _BANDWIDTHS, 100)
    doc = call.new(
        **labels.fresh(call, body),
        mask_length=length,
        bandwidth=bandwidth,
    )
    doc["network"] = str(_free_block(call, length))
    switch = call.new(name=doc["name"], description="", tags=[], user_subnet=None, icon_id="")
    doc["own_switch_id"] = switch["id"]
    _save(call, doc, switch)
    call.enqueue(f"switch-{switch['id']}", "ensure_switch", switch["id"])
    return created("Internet", _view(call, doc))


def read_router(call: Call) -> Reply:
    """GET internet/{id}."""
    return single("Internet", _view(call, call.path_document("internet")))


def update_router(call: Call) -> Reply:
    """PUT internet/{id}: name, description and tags."""
    doc, body = call.path_document("internet"), fields.section(call.body, "Internet")
    labels.update(call, doc, body)
    _save(call, doc, _switch_of(call, doc))
    return changed("Internet", _view(call, doc))


def change_bandwidth(call: Call) -> Reply:
    """PUT internet/{id}/bandwidth: the router gets a new id; its switch and its block stay."""
    old = call.path_document("internet")
    body = fields.section(call.body, "Internet")
    bandwidth = _one_of(body, "BandWidthMbps", _BANDWIDTHS, old["bandwidth"])
    call.store.delete(old["id"])
    doc = {**old, "id": call.store.new_id(), "bandwidth": bandwidth}
    _save(call, doc, _switch_of(call, doc))
    return changed("Internet", _view(call, doc))


def delete_router(call: Call) -> Reply:
    """DELETE internet/{id}: with its switch, which nothing may be connected to."""
    doc = call.path_document("internet")
    switch = _switch_of(call, doc)
    if switches.is_in_use(call, switch):
        refuse("disconnect_b4_delete", doc["id"])
    call.store.delete(doc["id"])
    call.store.delete(switch["id"])
    call.enqueue(f"switch-{switch['id']}", "remove_switch", switch["id"])
    return done()


def _one_of(body: dict[str, Any], name: str, allowed: tuple[int, ...], default: int) -> int:
    value = fields.integer(body, name, default)
    if value not in allowed:
        refuse("invalid_range", f"{name}: {', '.join(map(str, allowed))}")
    return value


def _free_block(call: Call, length: int) -> ipaddress.IPv4Network:
    """A block that no router of any zone has."""
    taken = [ipaddress.IPv4Network(doc["network"]) for doc in call.store.all("internet")]
    blocks = (block for network in _POOL for block in network.subnets(new_prefix=length))
    free = next((block for block in blocks if not any(map(block.overlaps, taken))), None)
    if free is None:
        refuse("run_out_of_ipaddress")
    return free


def _switch_of(call: Call, doc: Doc) -> Doc:
    return call.body_document("switch", doc["own_switch_id"])


def _save(call: Call, doc: Doc, switch: Doc) -> None:
    """Store both; the switch shows which router it has, and the block with what servers may use."""
    call.save("internet", doc)
    block = ipaddress.IPv4Network(doc["network"])
    usable = {"Min": str(block[_FIRST_USABLE]), "Max": str(block[_BEFORE_LAST])}
    router = {"ID": doc["id"], "Name": doc["name"], "BandWidthMbps": doc["bandwidth"]}
    switch["internet"] = {**router, "Scope": "user"}
    switch["subnets"] = [{**_subnet(doc), "Internet": router, "IPAddresses": usable}]
    call.save("switch", switch)


def _subnet(doc: Doc) -> views.View:
    block = ipaddress.IPv4Network(doc["network"])
    return {
        "ID": int(doc["own_switch_id"]) % 100_000,
        "NetworkAddress": str(block.network_address),
        "NetworkMaskLen": block.prefixlen,
        "DefaultRoute": str(block[1]),
        "NextHop": None,
        "StaticRoute": None,
        "ServiceClass": "cloud/global-ip-address-v4",
    }


def _view(call: Call, doc: Doc) -> views.View:
    """A router with its switch."""
    switch = _switch_of(call, doc)
    return {
        **views.common(call.cloud, doc),
        "Scope": "user",
        "BandWidthMbps": doc["bandwidth"],
        "NetworkMaskLen": doc["mask_length"],
        "ServiceClass": f"cloud/internet/router/{doc['bandwidth']}m",
        "Zone": views.zone_of(doc),
        "Switch": {
            "ID": switch["id"],
            "Name": switch["name"],
            "Description": switch["description"],
            "Tags": switch["tags"],
            "Scope": "user",
            "Subnets": [_subnet(doc)],
            "IPv6Nets": [],
        },
    }
