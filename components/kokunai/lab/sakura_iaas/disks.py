"""Handlers for disks, which are copied from an archive in the background."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import disk_config, fields, products, provider_data, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from kokunai.lab.store import Doc

_DISK_COUNT = 4
_CONNECTIONS = ("virtio", "ide")


def list_disks(call: Call) -> Reply:
    """GET disk."""
    docs = call.store.all("disk", call.zone)
    return page(call, "Disks", [views.disk(call.cloud, doc) for doc in docs])


def read_disk(call: Call) -> Reply:
    """GET disk/{id}."""
    return single("Disk", views.disk(call.cloud, call.path_document("disk")))


def _archive(call: Call, archive_id: str) -> views.View:
    archives = [archive for archive in products.archives(call) if archive["ID"] == archive_id]
    if not archives:
        refuse("param_res_not_found", f"archive {archive_id}")
    return archives[0]


def _plan_and_size(body: fields.Body, least_mb: int) -> tuple[views.View, int]:
    plan = provider_data.disk_plan(fields.reference(body, "Plan"))
    if plan is None:
        refuse("param_res_not_found", "Plan.ID")
    size_mb = fields.integer(body, "SizeMB", least_mb)
    sizes = [size["SizeMB"] for size in plan["Size"]]
    if size_mb not in sizes:
        refuse("invalid_range", f"SizeMB: {', '.join(map(str, sizes))}")
    if size_mb < least_mb:
        refuse("size_mismatch", f"SizeMB >= {least_mb}")
    return plan, size_mb


def _service_class(plan: views.View, size_mb: int) -> str:
    return next(str(size["ServiceClass"]) for size in plan["Size"] if size["SizeMB"] == size_mb)


def _new_disk(call: Call, body: fields.Body) -> Doc:
    archive_id = fields.reference(body, "SourceArchive")
    source_id = fields.reference(body, "SourceDisk")
    least_mb = 0
    if archive_id:
        least_mb = _archive(call, archive_id)["SizeMB"]
    elif source_id:
        least_mb = call.body_document("disk", source_id)["size_mb"]
    plan, size_mb = _plan_and_size(body, least_mb)
    if source_id:
        # Refused rather than answered with an empty disk, which a client would take for the copy.
        refuse("forbidden", "ラボはディスクをコピーできません / the lab copies no disks")
    connection = fields.text(body, "Connection") or "virtio"
    if connection not in _CONNECTIONS:
        refuse("invalid_format", f"Connection: {', '.join(_CONNECTIONS)}")
    return call.new(
        name=fields.name_of(body),
        description=fields.text(body, "Description"),
        tags=fields.tags_of(body),
        plan_id=str(plan["ID"]),
        size_mb=size_mb,
        service_class=_service_class(plan, size_mb),
        connection=connection,
        connection_order=0,
        availability="migrating" if archive_id else "available",
        copy_began=time.time(),
        source_archive_id=archive_id,
        server_id="",
        config={},
        boot_at_available=False,
    )


def create_disk(call: Call) -> Reply:
    """POST disk."""
    body = fields.section(call.body, "Disk")
    doc = _new_disk(call, body)
    server_id = fields.reference(body, "Server")
    if server_id:
        _connect(call, doc, call.body_document("server", server_id))
    if call.body.get("Config"):
        disk_config.apply(call, doc, fields.section(call.body, "Config"))
    doc["boot_at_available"] = fields.flag(call.body, "BootAtAvailable") and bool(server_id)
    call.save("disk", doc)
    copies = doc["availability"] == "migrating"
    if copies:
        call.after_commit.append(lambda: call.cloud.reconciler.copy(doc["id"]))
    return created("Disk", views.disk(call.cloud, doc), accepted=copies)


def update_disk(call: Call) -> Reply:
    """PUT disk/{id}."""
    doc, body = call.path_document("disk"), fields.section(call.body, "Disk")
    doc["name"] = fields.name_of(body, doc["name"])
    doc["description"] = fields.text(body, "Description", doc["description"])
    doc["tags"] = fields.tags_of(body, doc["tags"])
    return changed("Disk", views.disk(call.cloud, call.save("disk", doc)))


def refuse_while_copying(disk: Doc) -> None:
    """Raises 409 while an archive is being copied to the disk."""
    if disk["availability"] == "migrating":
        refuse("disk_is_copying", disk["id"])


def _refuse_while_on(server: Doc) -> None:
    if server["status"] != "down" or server["wanted"] != "down":
        refuse("server_power_must_be_down", server["id"])


def delete_disk(call: Call) -> Reply:
    """DELETE disk/{id}."""
    doc = call.path_document("disk")
    if doc["server_id"]:
        refuse("disconnect_b4_delete", doc["id"])
    refuse_while_copying(doc)
    remove(call, doc)
    return done()


def remove(call: Call, doc: Doc) -> None:
    """Delete a disk; its contents are removed after the pending work of its server."""
    key = f"server-{doc['server_id']}" if doc["server_id"] else f"disk-{doc['id']}"
    call.store.delete(doc["id"])
    call.enqueue(key, "remove_disk", doc["id"])


def _connect(call: Call, doc: Doc, server: Doc) -> None:
    _refuse_while_on(server)
    present = call.store.of_server("disk", server["id"])
    if len(present) >= _DISK_COUNT:
        refuse("disk_connection_limit", f"<= {_DISK_COUNT}")
    orders = {disk["connection_order"] for disk in present}
    doc["server_id"] = server["id"]
    doc["connection_order"] = next(n for n in range(1, _DISK_COUNT + 1) if n not in orders)


def connect_server(call: Call) -> Reply:
    """PUT disk/{id}/to/server/{server}."""
    doc = call.path_document("disk")
    if doc["server_id"]:
        refuse("res_already_connected", doc["id"])
    _connect(call, doc, call.body_document("server", call.path["server"]))
    call.save("disk", doc)
    return done()


def disconnect_server(call: Call) -> Reply:
    """DELETE disk/{id}/to/server."""
    doc = call.path_document("disk")
    if not doc["server_id"]:
        refuse("res_already_disconnected", doc["id"])
    _refuse_while_on(call.body_document("server", doc["server_id"]))
    doc.update(server_id="", connection_order=0)
    call.save("disk", doc)
    return done()


def configure(call: Call) -> Reply:
    """PUT disk/{id}/config: what the guest is given at its next boot."""
    doc = call.path_document("disk")
    refuse_while_copying(doc)
    if doc["server_id"]:
        _refuse_while_on(call.body_document("server", doc["server_id"]))
    disk_config.apply(call, doc, call.body)
    call.save("disk", doc)
    return done()


def resize_partition(call: Call) -> Reply:
    """PUT disk/{id}/resize-partition."""
    refuse_while_copying(call.path_document("disk"))
    return done()
