"""Handlers for switches, the private layer-2 segments of a zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import fields, labels, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from kokunai.lab.store import Doc


def list_switches(call: Call) -> Reply:
    """GET switch."""
    docs = call.store.all("switch", call.zone)
    return page(call, "Switches", [views.switch(call.cloud, doc) for doc in docs])


def create_switch(call: Call) -> Reply:
    """POST switch."""
    body = fields.section(call.body, "Switch")
    doc = call.new(
        **labels.fresh(call, body),
        user_subnet=fields.subnet(body),
    )
    call.save("switch", doc)
    call.enqueue(f"switch-{doc['id']}", "ensure_switch", doc["id"])
    return created("Switch", views.switch(call.cloud, doc))


def read_switch(call: Call) -> Reply:
    """GET switch/{id}."""
    return single("Switch", views.switch(call.cloud, call.path_document("switch")))


def update_switch(call: Call) -> Reply:
    """PUT switch/{id}."""
    doc, body = call.path_document("switch"), fields.section(call.body, "Switch")
    labels.update(call, doc, body)
    if "UserSubnet" in body:
        doc["user_subnet"] = fields.subnet(body)
    return changed("Switch", views.switch(call.cloud, call.save("switch", doc)))


def is_in_use(call: Call, doc: Doc) -> bool:
    """Whether an interface, an appliance or a bridge is connected to a switch."""
    kinds = ("interface", "appliance")
    return bool(doc.get("bridge_id")) or any(
        call.store.of_switch(kind, doc["id"]) for kind in kinds
    )


def delete_switch(call: Call) -> Reply:
    """DELETE switch/{id}."""
    doc = call.path_document("switch")
    if is_in_use(call, doc) or doc.get("internet"):
        refuse("disconnect_b4_delete", doc["id"])
    call.store.delete(doc["id"])
    call.enqueue(f"switch-{doc['id']}", "remove_switch", doc["id"])
    return done()


def list_servers(call: Call) -> Reply:
    """GET switch/{id}/server."""
    nics = call.store.of_switch("interface", call.path_document("switch")["id"])
    ids = {nic["server_id"] for nic in nics if nic["server_id"]}
    servers = [doc for doc in call.store.all("server", call.zone) if doc["id"] in ids]
    return page(call, "Servers", [views.server(call.cloud, doc) for doc in servers])
