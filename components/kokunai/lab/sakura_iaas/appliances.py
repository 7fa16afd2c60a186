"""Handlers for NFS appliances, which are made in the background and boot by themselves."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import fields, labels, provider_data, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse
from kokunai.lab.sakura_iaas.interfaces import new_mac_address
from kokunai.lab.sakura_iaas.power_states import new_power

if TYPE_CHECKING:
    from kokunai.lab.sakura_iaas.call import Cloud
    from kokunai.lab.store import Doc


# The sizes of networks that the control panel and Sakura's clients offer.
_PREFIX_LENGTHS = range(8, 30)


def view_of(cloud: Cloud, doc: Doc) -> views.View:
    """An NFS appliance as the API shows it."""
    switch_doc = cloud.store.get("switch", doc["switch_id"]) or {"id": doc["switch_id"], "name": ""}
    link = {"ID": switch_doc["id"], "Name": switch_doc["name"], "Scope": "user"}
    zone = views.zone_of(doc) or {}
    subnet = {"DefaultRoute": doc["gateway"], "NetworkMaskLen": doc["prefix_length"]}
    nic = {
        "ID": doc["interface_id"],
        "MACAddress": doc["mac_address"],
        "IPAddress": None,
        "UserIPAddress": doc["address"],
        "HostName": None,
        "Switch": {**link, "Subnet": None, "UserSubnet": subnet},
        "PacketFilter": None,
    }
    return {
        **views.common(cloud, doc),
        "Class": "nfs",
        "Availability": doc["availability"],
        "ServiceClass": f"cloud/appliance/nfs/{doc['size_gib']}gb",
        "Plan": {"ID": int(doc["plan_id"])},
        "Remark": {
            "Zone": {"ID": str(zone.get("ID"))},
            "Switch": {"ID": switch_doc["id"]},
            "Network": subnet,
            "Servers": [{"IPAddress": doc["address"]}],
            "Plan": {"ID": doc["plan_id"]},
        },
        "Instance": views.instance(doc),
        "Interfaces": [nic],
        "Switch": link,
        "Settings": None,
        "SettingsHash": None,
    }


def list_appliances(call: Call) -> Reply:
    """GET appliance."""
    docs = call.store.all("appliance", call.zone)
    return page(call, "Appliances", [view_of(call.cloud, doc) for doc in docs])


def read_appliance(call: Call) -> Reply:
    """GET appliance/{id}."""
    return single("Appliance", view_of(call.cloud, call.path_document("appliance")))


def _plan_id(body: fields.Body, remark: fields.Body) -> str:
    plan_id = fields.reference(body, "Plan") or fields.reference(remark, "Plan")
    if provider_data.nfs_size_gib(plan_id) is None:
        refuse("param_res_not_found", f"Plan {plan_id}")
    return plan_id


def _own_address(remark: fields.Body) -> str:
    servers = fields.listing(remark, "Servers")
    first: Any = servers[0] if servers else {}
    value = fields.address(first.get("IPAddress") if isinstance(first, dict) else "", "IPAddress")
    if not value:
        refuse("missing_param", "Remark.Servers.IPAddress")
    return value


def _network(call: Call, switch_id: str, address: str, body: fields.Body) -> dict[str, Any]:
    """Prefix length and gateway; refused where address or gateway do not fit in."""
    prefix_length = fields.integer(body, "NetworkMaskLen", 24)
    if prefix_length not in _PREFIX_LENGTHS:
        refuse("invalid_range", "Remark.Network.NetworkMaskLen 8-29")
    gateway = fields.address(body.get("DefaultRoute"), "DefaultRoute")
    network = ipaddress.IPv4Interface(f"{address}/{prefix_length}").network
    if gateway and (ipaddress.IPv4Address(gateway) not in network or gateway == address):
        refuse("invalid_format", f"Remark.Network.DefaultRoute: {network}")
    if address in (str(network.network_address), str(network.broadcast_address)):
        refuse("invalid_format", f"Remark.Servers.IPAddress: {network}")
    taken = [doc["address"] for doc in call.store.of_switch("appliance", switch_id)]
    taken += [nic["user_ip_address"] for nic in call.store.of_switch("interface", switch_id)]
    if address in taken:
        refuse("duplicate_entry", f"Remark.Servers.IPAddress: {address}")
    return {"prefix_length": prefix_length, "gateway": gateway}


def create_appliance(call: Call) -> Reply:
    """POST appliance."""
    body = fields.section(call.body, "Appliance")
    if fields.text(body, "Class") != "nfs":
        refuse("bad_request", "Class: nfs")
    remark = fields.section(body, "Remark")
    switch = call.body_document("switch", fields.reference(remark, "Switch"))
    network, plan_id = fields.section(remark, "Network"), _plan_id(body, remark)
    address = _own_address(remark)
    doc = call.new(
        **labels.fresh(call, body),
        plan_id=plan_id,
        size_gib=provider_data.nfs_size_gib(plan_id),
        switch_id=switch["id"],
        address=address,
        **_network(call, switch["id"], address, network),
        interface_id=call.store.new_id(),
        mac_address=new_mac_address(call),
        availability="migrating",
        **new_power(),
    )
    call.save("appliance", doc)
    call.after_commit.append(lambda: call.cloud.reconciler.appliance_made(doc["id"]))
    return created("Appliance", view_of(call.cloud, doc), accepted=True)


def update_appliance(call: Call) -> Reply:
    """PUT appliance/{id}."""
    doc, body = call.path_document("appliance"), fields.section(call.body, "Appliance")
    labels.update(call, doc, body)
    return changed("Appliance", view_of(call.cloud, call.save("appliance", doc)))


def delete_appliance(call: Call) -> Reply:
    """DELETE appliance/{id}."""
    doc = call.path_document("appliance")
    if doc["availability"] == "migrating":
        refuse("still_creating", doc["id"])
    if doc["status"] != "down" or doc["wanted"] != "down":
        refuse("server_power_must_be_down", doc["id"])
    call.store.delete(doc["id"])
    call.enqueue(f"appliance-{doc['id']}", "remove_nfs", doc["id"])
    return done()
