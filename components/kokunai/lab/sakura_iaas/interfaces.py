"""Handlers for network interfaces, which connect a server to segments and packet filters."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import fields, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from kokunai.lab.store import Doc

_FIRST_SHARED_HOST = 11
_LAST_SHARED_HOST = 254
NIC_COUNT = 10
"""How many interfaces a server can have."""
_VENDOR_PREFIX = "9C:A3:BA"


def new_mac_address(call: Call) -> str:
    """An unused MAC address with the provider's prefix."""
    taken = {nic["mac_address"] for nic in call.store.all("interface")}
    while True:
        tail = secrets.token_hex(3).upper()
        address = f"{_VENDOR_PREFIX}:{tail[:2]}:{tail[2:4]}:{tail[4:]}"
        if address not in taken:
            return address


def _free_shared_host(call: Call) -> int:
    """Smallest free host number of the shared segment, which all zones of a lab share."""
    taken = {nic["shared_host"] for nic in call.store.all("interface")}
    free = set(range(_FIRST_SHARED_HOST, _LAST_SHARED_HOST + 1)) - taken
    if not free:
        refuse("run_out_of_ipaddress")
    return min(free)


def connect(call: Call, nic: Doc, switch_id: str) -> None:
    """Connect an interface to a switch, or to the shared segment, which assigns an address."""
    others = call.store.of_server("interface", nic["server_id"])
    if switch_id == "shared":
        if others and others[0]["id"] != nic["id"]:
            refuse(
                "conflict", "共有セグメントは eth0 だけです / the shared segment is for eth0 only"
            )
        nic.update(switch_id="shared", shared_host=_free_shared_host(call))
        return
    switch = call.body_document("switch", switch_id)
    if switch_id in [doc["switch_id"] for doc in others if doc["id"] != nic["id"]]:
        refuse("connect_to_same_switch", switch_id)
    nic.update(switch_id=switch["id"], shared_host=None)


def add(call: Call, server: Doc, switch_id: str) -> Doc:
    """A new interface of a server; an empty switch id leaves it unconnected."""
    if len(call.store.of_server("interface", server["id"])) >= NIC_COUNT:
        refuse("limit_count_in_zone", f"interfaces <= {NIC_COUNT}")
    nic = call.new(
        server_id=server["id"],
        mac_address=new_mac_address(call),
        switch_id=None,
        shared_host=None,
        user_ip_address="",
        user_subnet=None,
        packet_filter_id=None,
    )
    if switch_id:
        connect(call, nic, switch_id)
    return call.save("interface", nic)


def _server_that_is_off(call: Call, server_id: str) -> Doc:
    server = call.body_document("server", server_id)
    if server["status"] != "down" or server["wanted"] != "down":
        refuse("server_power_must_be_down", server_id)
    return server


def _mine_and_off(call: Call) -> Doc:
    nic = call.path_document("interface")
    _server_that_is_off(call, nic["server_id"])
    return nic


def list_interfaces(call: Call) -> Reply:
    """GET interface."""
    docs = call.store.all("interface", call.zone)
    return page(call, "Interfaces", [views.whole_interface(call.cloud, doc) for doc in docs])


def list_of_server(call: Call) -> Reply:
    """GET server/{id}/interface."""
    docs = call.store.of_server("interface", call.path_document("server")["id"])
    return page(call, "Interfaces", [views.whole_interface(call.cloud, doc) for doc in docs])


def create_interface(call: Call) -> Reply:
    """POST interface."""
    server_id = fields.reference(fields.section(call.body, "Interface"), "Server")
    if not server_id:
        refuse("missing_param", "Server.ID")
    nic = add(call, _server_that_is_off(call, server_id), "")
    return created("Interface", views.whole_interface(call.cloud, nic))


def read_interface(call: Call) -> Reply:
    """GET interface/{id}."""
    return single("Interface", views.whole_interface(call.cloud, call.path_document("interface")))


def update_interface(call: Call) -> Reply:
    """PUT interface/{id}."""
    nic, body = call.path_document("interface"), fields.section(call.body, "Interface")
    if "UserIPAddress" in body:
        nic["user_ip_address"] = fields.address(body["UserIPAddress"], "UserIPAddress")
    call.save("interface", nic)
    return changed("Interface", views.whole_interface(call.cloud, nic))


def delete_interface(call: Call) -> Reply:
    """DELETE interface/{id}."""
    call.store.delete(_mine_and_off(call)["id"])
    return done()


def connect_switch(call: Call) -> Reply:
    """PUT interface/{id}/to/switch/{switch}."""
    nic = _mine_and_off(call)
    if nic["switch_id"] is not None:
        refuse("res_already_connected", nic["id"])
    connect(call, nic, call.path["switch"])
    call.save("interface", nic)
    return done()


def disconnect_switch(call: Call) -> Reply:
    """DELETE interface/{id}/to/switch."""
    nic = _mine_and_off(call)
    if nic["switch_id"] is None:
        refuse("res_already_disconnected", nic["id"])
    nic.update(switch_id=None, shared_host=None)
    call.save("interface", nic)
    return done()


def _set_filter(call: Call, nic: Doc, filter_id: str | None) -> Reply:
    nic["packet_filter_id"] = filter_id
    call.save("interface", nic)
    call.enqueue(f"server-{nic['server_id']}", "set_filter", nic["id"])
    return done()


def connect_filter(call: Call) -> Reply:
    """PUT interface/{id}/to/packetfilter/{filter}."""
    nic, wanted = (
        call.path_document("interface"),
        call.body_document("packetfilter", call.path["filter"]),
    )
    if nic["packet_filter_id"] is not None:
        refuse("res_already_connected", nic["id"])
    return _set_filter(call, nic, wanted["id"])


def disconnect_filter(call: Call) -> Reply:
    """DELETE interface/{id}/to/packetfilter."""
    nic = call.path_document("interface")
    if nic["packet_filter_id"] is None:
        refuse("res_already_disconnected", nic["id"])
    return _set_filter(call, nic, None)
