"""Handlers for the power of servers and NFS appliances; the change follows the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import disks, fields, views
from kokunai.lab.sakura_iaas.call import Call, Reply, accepted, done, single
from kokunai.lab.sakura_iaas.errors import refuse, refuse_as_absent

if TYPE_CHECKING:
    from kokunai.lab.store import Doc


def read_server_power(call: Call) -> Reply:
    """GET server/{id}/power."""
    return single("Instance", views.instance(call.path_document("server")))


def read_appliance_power(call: Call) -> Reply:
    """GET appliance/{id}/power."""
    return single("Instance", views.instance(call.path_document("appliance")))


def _want(call: Call, kind: str, doc: Doc, **wish: str | bool) -> None:
    doc.update(wish)
    call.save(kind, doc)
    call.after_commit.append(lambda: call.cloud.reconciler.reconcile(kind, doc["id"]))


def _want_up(call: Call, kind: str, doc: Doc) -> None:
    if doc["status"] == "cleaning":
        refuse("server_is_cleaning", doc["id"])
    if doc["status"] == "up" or doc["wanted"] == "up":
        refuse("conflict", f"{doc['id']} is already on")
    # Reset `force`, which an earlier stop may have set, so that the next stop is a clean one.
    _want(call, kind, doc, wanted="up", problem="", force=False)


def _want_down(call: Call, kind: str, doc: Doc) -> None:
    if doc["status"] != "up" and doc["wanted"] != "up":
        refuse("server_power_must_be_up", doc["id"])
    force = fields.flag(call.body, "Force") or bool(doc["force"])
    _want(call, kind, doc, wanted="down", force=force)


def _want_reset(call: Call, kind: str, doc: Doc) -> None:
    if doc["status"] != "up":
        refuse("server_power_must_be_up", doc["id"])
    _want(call, kind, doc, reset=True)


def boot_server(call: Call) -> Reply:
    """PUT server/{id}/power."""
    doc = call.path_document("server")
    if call.body.get("UserBootVariables"):
        refuse_as_absent("cloud-init（UserBootVariables）", "cloud-init (UserBootVariables)")
    copying = [
        disk
        for disk in call.store.of_server("disk", doc["id"])
        if disk["availability"] == "migrating"
    ]
    if copying and doc.get("wait_disk_migration"):
        for disk in copying:
            call.save("disk", {**disk, "boot_at_available": True})
        return done()
    for disk in copying:
        disks.refuse_while_copying(disk)
    _want_up(call, "server", doc)
    return done()


def stop_server(call: Call) -> Reply:
    """DELETE server/{id}/power."""
    _want_down(call, "server", call.path_document("server"))
    return done()


def reset_server(call: Call) -> Reply:
    """PUT server/{id}/reset."""
    _want_reset(call, "server", call.path_document("server"))
    return done()


def _made_appliance(call: Call) -> Doc:
    doc = call.path_document("appliance")
    if doc["availability"] == "migrating":
        refuse("still_creating", doc["id"])
    return doc


def boot_appliance(call: Call) -> Reply:
    """PUT appliance/{id}/power."""
    _want_up(call, "appliance", _made_appliance(call))
    return accepted()


def stop_appliance(call: Call) -> Reply:
    """DELETE appliance/{id}/power."""
    _want_down(call, "appliance", _made_appliance(call))
    return accepted()


def reset_appliance(call: Call) -> Reply:
    """PUT appliance/{id}/reset."""
    _want_reset(call, "appliance", _made_appliance(call))
    return accepted()
