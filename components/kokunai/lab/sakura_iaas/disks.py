"""Handlers for disks, which are copied from an archive in the background."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import archives, disk_config, fields, labels, provider_data, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse, refuse_as_absent

if TYPE_CHECKING:
    from kokunai.lab.store import Doc

_DISK_COUNT = 4
_CONNECTIONS = ("virtio", "ide")
_ALGORITHMS = ("none", "aes256_xts")


def list_disks(call: Call) -> Reply:
    """GET disk."""
    docs = call.store.all("disk", call.zone)
    return page(call, "Disks", [views.disk(call.cloud, doc) for doc in docs])


def read_disk(call: Call) -> Reply:
    """GET disk/{id}."""
    return single("Disk", views.disk(call.cloud, call.path_document("disk")))


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


def _source(call: Call, body: fields.Body) -> tuple[Doc | None, int]:
    """The archive to copy, None for none, and the size in MiB that the disk has at least."""
    archive_id = fields.reference(body, "SourceArchive")
    disk_id = fields.reference(body, "SourceDisk")
    if archive_id and disk_id:
        refuse("invalid_param_comb", "SourceArchive, SourceDisk")
    if archive_id:
        archive = archives.source(call, archive_id)
        return archive, int(archive["size_mb"])
    return None, int(call.body_document("disk", disk_id)["size_mb"]) if disk_id else 0


def _encryption(call: Call, body: fields.Body) -> dict[str, str]:
    """Algorithm and key as they are shown; what the lab keeps of a disk is not encrypted."""
    algorithm = fields.text(body, "EncryptionAlgorithm") or "none"
    if algorithm not in _ALGORITHMS:
        refuse("invalid_format", f"EncryptionAlgorithm: {', '.join(_ALGORITHMS)}")
    key_id = fields.reference(call.body, "KMSKey")
    if key_id and algorithm == "none":
        refuse("invalid_param_comb", "EncryptionAlgorithm: none, KMSKey")
    if key_id and key_id not in provider_data.data("media")["kms_keys"]["ids"]:
        refuse("param_res_not_found", f"KMSKey {key_id}")
    return {"encryption_algorithm": algorithm, "kms_key_id": key_id}


def _storage(call: Call) -> int:
    """Number of a storage that none of the disks in DistantFrom is on."""
    if fields.reference(call.body, "TargetDedicatedStorageContract"):
        refuse_as_absent("専用ストレージ", "dedicated storage")
    distant = [fields.identifier(each) for each in fields.listing(call.body, "DistantFrom")]
    taken = {call.body_document("disk", disk_id).get("storage", 0) for disk_id in distant}
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _new_disk(call: Call, body: fields.Body) -> Doc:
    archive, least_mb = _source(call, body)
    plan, size_mb = _plan_and_size(body, least_mb)
    if fields.reference(body, "SourceDisk"):
        # Refused rather than answered with an empty disk, which a client would take for the copy.
        refuse_as_absent("ディスクのコピー", "a copy of a disk")
    connection = fields.text(body, "Connection") or "virtio"
    if connection not in _CONNECTIONS:
        refuse("invalid_format", f"Connection: {', '.join(_CONNECTIONS)}")
    image_id = archives.image_of(archive) if archive else ""
    return call.new(
        **labels.fresh(call, body),
        plan_id=str(plan["ID"]),
        size_mb=size_mb,
        service_class=_service_class(plan, size_mb),
        connection=connection,
        connection_order=0,
        availability="migrating" if archive else "available",
        copy_began=time.time(),
        source_archive_id=archive["id"] if archive else "",
        image_id=image_id,
        storage=_storage(call),
        **_encryption(call, body),
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
    labels.update(call, doc, body)
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
    if doc["availability"] != "available":
        refuse("disk_is_not_available", doc["id"])
    if doc["server_id"]:
        _refuse_while_on(call.body_document("server", doc["server_id"]))
    disk_config.apply(call, doc, call.body)
    call.save("disk", doc)
    return done()


def resize_partition(call: Call) -> Reply:
    """PUT disk/{id}/resize-partition."""
    refuse_while_copying(call.path_document("disk"))
    return done()
