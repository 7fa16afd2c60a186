"""Handlers for archives, the images of disks: public ones and copies that the account makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_iaas import fields, labels, provider_data, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse, refuse_as_absent

if TYPE_CHECKING:
    from kokunai.lab.sakura_iaas.call import Cloud
    from kokunai.lab.store import Doc

_PLAN = {"ID": 2, "Name": "標準プラン", "StorageClass": "iscsi1204"}
_SIMULATED = (
    "ラボはこのイメージの代わりに Debian 12 を起動します（模擬）。"
    " SIMULATION: the lab boots its Debian 12 instead of this image."
)


def _public(zone: str) -> list[Doc]:
    moment = "2025-01-01T00:00:00+09:00"
    fixed = {"zone": zone, "scope": "shared", "created_at": moment, "modified_at": moment}
    return [
        {
            **fixed,
            "id": row["ids"][zone],
            "name": row["name"],
            "description": "" if row.get("boots_itself") else _SIMULATED,
            "tags": row["tags"],
            "size_mb": row["size_gib"] * 1024,
            "availability": "available",
        }
        for row in provider_data.archives()
        if zone in row["ids"]
    ]


def _view(cloud: Cloud, doc: Doc) -> views.View:
    source_id = doc.get("source_archive_id", "")
    size_mb, is_copying = doc["size_mb"], doc["availability"] != "available"
    return {
        **views.common(cloud, doc),
        "Scope": doc["scope"],
        "Availability": doc["availability"],
        "SizeMB": size_mb,
        "MigratedMB": 0 if is_copying else size_mb,
        "ServiceClass": f"cloud/archive/{size_mb // 1024}g",
        "Plan": _PLAN,
        "Zone": views.zone_of(doc),
        "SourceArchive": {"ID": source_id, "Availability": "available"} if source_id else None,
        "SourceDisk": None,
        "OriginalArchive": {"ID": doc.get("image_id") or doc["id"]},
        "SourceInfo": None,
        "JobStatus": None,
        "BundleInfo": None,
    }


def _named(call: Call, archive_id: str) -> Doc | None:
    public = (doc for doc in _public(call.zone) if doc["id"] == archive_id)
    own = call.store.get("archive", archive_id)
    return next(public, None) or (own if own and own["zone"] == call.zone else None)


def source(call: Call, archive_id: str) -> Doc:
    """The archive that a body names as the source of a copy. Raises 400 and 409."""
    archive = _named(call, archive_id) or call.body_document("archive", archive_id)
    if archive["availability"] != "available":
        refuse("archive_is_incomplete", archive_id)
    return archive


def image_of(archive: Doc) -> str:
    """Id of the public archive that an archive is a copy of."""
    return str(archive.get("image_id") or archive["id"])


def list_archives(call: Call) -> Reply:
    """GET archive."""
    docs = [*_public(call.zone), *call.store.all("archive", call.zone)]
    return page(call, "Archives", [_view(call.cloud, doc) for doc in docs])


def read_archive(call: Call) -> Reply:
    """GET archive/{id}."""
    doc = _named(call, call.id)
    return single("Archive", _view(call.cloud, doc or call.path_document("archive")))


def _own(call: Call) -> Doc:
    doc = _named(call, call.id) or call.path_document("archive")
    if doc["scope"] == "shared":
        refuse("forbidden", call.id)
    return doc


def _new(call: Call, body: fields.Body, **own: Any) -> Doc:
    return call.new(**labels.fresh(call, body), scope="user", **own)


def create_archive(call: Call) -> Reply:
    """POST archive: a copy of an archive, or a blank one that waits for a file."""
    body = fields.section(call.body, "Archive")
    if fields.reference(body, "SourceDisk"):
        # Refused rather than answered with an archive without the disk's contents.
        refuse_as_absent("ディスクのコピー", "a copy of a disk")
    archive_id = fields.reference(body, "SourceArchive")
    if not archive_id:
        return _create_blank(call, body)
    origin = source(call, archive_id)
    size_mb, image_id = origin["size_mb"], image_of(origin)
    kept = {"size_mb": size_mb, "image_id": image_id, "source_archive_id": archive_id}
    doc = call.save("archive", _new(call, body, availability="migrating", **kept))
    call.after_commit.append(lambda: call.cloud.reconciler.copy_archive(doc["id"]))
    return created("Archive", _view(call.cloud, doc), accepted=True)


def _create_blank(call: Call, body: fields.Body) -> Reply:
    sizes = provider_data.data("products")["archives"]["sizes_gib"]
    size_mb = fields.integer(body, "SizeMB")
    if not size_mb:
        refuse("missing_param", "SizeMB, SourceArchive.ID")
    if size_mb not in [size * 1024 for size in sizes]:
        refuse("invalid_range", f"SizeMB: {', '.join(str(size * 1024) for size in sizes)}")
    doc = call.save("archive", _new(call, body, availability="uploading", size_mb=size_mb))
    reply = created("Archive", _view(call.cloud, doc))
    return Reply(reply.status, {**reply.payload, "FTPServer": _ftp_server(doc)})


def _ftp_server(doc: Doc) -> views.View:
    """Where the file would be sent to; the lab has no such server, and the name says so."""
    return {
        "HostName": f"no-ftp-server-in-the-{doc['zone']}-lab.invalid",
        "IPAddress": "192.0.2.1",
        "User": f"archive{doc['id']}",
        "Password": "lab-dummy-password",
    }


def update_archive(call: Call) -> Reply:
    """PUT archive/{id}."""
    doc = _own(call)
    labels.update(call, doc, fields.section(call.body, "Archive"))
    return changed("Archive", _view(call.cloud, call.save("archive", doc)))


def delete_archive(call: Call) -> Reply:
    """DELETE archive/{id}."""
    doc = _own(call)
    if doc["availability"] == "migrating":
        refuse("archive_is_incomplete", doc["id"])
    call.store.delete(doc["id"])
    return done()


def open_ftp(call: Call) -> Reply:
    """PUT archive/{id}/ftp."""
    doc = _own(call)
    if fields.flag(call.body, "Shared"):
        refuse_as_absent("アーカイブの共有", "sharing of archives")
    if doc["availability"] == "uploading":
        refuse("ftp_is_already_open", doc["id"])
    if doc["availability"] == "migrating":
        refuse("archive_is_incomplete", doc["id"])
    call.save("archive", {**doc, "availability": "uploading"})
    return Reply(200, {"FTPServer": _ftp_server(doc), "Success": True, "is_ok": True})


def close_ftp(call: Call) -> Reply:
    """DELETE archive/{id}/ftp; a blank archive stays open, because nothing can be sent to it."""
    doc = _own(call)
    if doc["availability"] != "uploading":
        refuse("ftp_is_already_close", doc["id"])
    if not doc.get("image_id"):
        refuse("file_not_uploaded", doc["id"])
    call.save("archive", {**doc, "availability": "available"})
    return done()
