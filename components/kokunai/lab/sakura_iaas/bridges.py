"""Handlers for bridges, which join switches of several zones; the lab joins no two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import fields, provider_data, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse, refuse_as_absent

if TYPE_CHECKING:
    from kokunai.lab.store import Doc


def _switches(call: Call, bridge_id: str) -> list[Doc]:
    return [doc for doc in call.store.all("switch") if doc.get("bridge_id") == bridge_id]


def _in_zone(call: Call, doc: Doc) -> views.View:
    return {
        "ID": doc["id"],
        "Name": doc["name"],
        "Scope": "user",
        "ServerCount": views.server_count(call.store, doc["id"]),
        "ApplianceCount": len(call.store.of_switch("appliance", doc["id"])),
    }


def _view(call: Call, doc: Doc) -> views.View:
    """The bridge as this zone shows it: its own switch apart from those of other zones."""
    mine, others = None, []
    for switch in _switches(call, doc["id"]):
        if switch["zone"] == call.zone:
            mine = _in_zone(call, switch)
        else:
            zone = views.zone_of(switch)
            others.append({"ID": switch["id"], "Name": switch["name"], "Zone": zone})
    return {
        "ID": doc["id"],
        "Name": doc["name"],
        "Description": doc["description"],
        "ServiceClass": "cloud/bridge/default",
        "CreatedAt": doc["created_at"],
        "Region": provider_data.region(doc["region"]),
        "Info": {"Switches": others},
        "SwitchInZone": mine,
    }


def _region_of(call: Call) -> str:
    zone = provider_data.zone(call.zone) or {}
    return str(zone["Region"]["ID"])


def list_bridges(call: Call) -> Reply:
    """GET bridge."""
    docs = [doc for doc in call.store.all("bridge") if doc["region"] == _region_of(call)]
    return page(call, "Bridges", [_view(call, doc) for doc in docs])


def create_bridge(call: Call) -> Reply:
    """POST bridge."""
    body = fields.section(call.body, "Bridge")
    doc = call.new(
        zone="",
        name=fields.name_of(body),
        description=fields.text(body, "Description"),
        region=_region_of(call),
    )
    return created("Bridge", _view(call, call.save("bridge", doc)))


def read_bridge(call: Call) -> Reply:
    """GET bridge/{id}."""
    return single("Bridge", _view(call, call.path_document("bridge")))


def update_bridge(call: Call) -> Reply:
    """PUT bridge/{id}."""
    doc, body = call.path_document("bridge"), fields.section(call.body, "Bridge")
    doc["name"] = fields.name_of(body, doc["name"])
    doc["description"] = fields.text(body, "Description", doc["description"])
    return changed("Bridge", _view(call, call.save("bridge", doc)))


def delete_bridge(call: Call) -> Reply:
    """DELETE bridge/{id}."""
    doc = call.path_document("bridge")
    if _switches(call, doc["id"]):
        refuse("disconnect_b4_delete", doc["id"])
    call.store.delete(doc["id"])
    return done()


def connect_switch(call: Call) -> Reply:
    """PUT switch/{id}/to/bridge/{bridge}."""
    switch, bridge = call.path_document("switch"), call.body_document("bridge", call.path["bridge"])
    if switch.get("bridge_id"):
        refuse("res_already_connected", switch["id"])
    if _switches(call, bridge["id"]):
        # Two joined switches would have to carry each other's packets, which the lab cannot do.
        refuse_as_absent("二つのスイッチをつなぐブリッジ", "a bridge between two switches")
    call.save("switch", {**switch, "bridge_id": bridge["id"]})
    return done()


def disconnect_switch(call: Call) -> Reply:
    """DELETE switch/{id}/to/bridge."""
    switch = call.path_document("switch")
    if not switch.get("bridge_id"):
        refuse("res_already_disconnected", switch["id"])
    call.save("switch", {**switch, "bridge_id": ""})
    return done()
