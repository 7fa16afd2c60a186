"""Handlers for SSH keys and notes (startup scripts), which belong to the account, not a zone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.lab.sakura_iaas import fields, labels, provider_data, views
from kokunai.lab.sakura_iaas.call import Call, Reply, changed, created, done, page, single
from kokunai.lab.sakura_iaas.errors import refuse, refuse_as_absent

if TYPE_CHECKING:
    from kokunai.lab.store import Doc

_PUBLIC_KEY_LENGTH = 16_384
_SCRIPT_LENGTH = 65_536
_NOTE_CLASSES = ("shell", "yaml_cloud_config", "json")


def fingerprint_of(public_key: str) -> str:
    """MD5 fingerprint as the API prints it. Raises 400 for what is no OpenSSH public key."""
    words = public_key.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error):
        refuse("invalid_format", "PublicKey")
    if not blob.startswith(len(words[0]).to_bytes(4, "big") + words[0].encode()):
        refuse("invalid_format", "PublicKey")
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, 32, 2))


def _key_view(call: Call, doc: Doc) -> views.View:
    view = views.common(call.cloud, doc)
    del view["Tags"], view["Icon"]
    return {**view, "PublicKey": doc["public_key"], "Fingerprint": doc["fingerprint"]}


def list_keys(call: Call) -> Reply:
    """GET sshkey."""
    return page(call, "SSHKeys", [_key_view(call, doc) for doc in call.store.all("sshkey")])


def create_key(call: Call) -> Reply:
    """POST sshkey."""
    body = fields.section(call.body, "SSHKey")
    # Kept as it was sent: a client that compares its file with the answer finds no difference.
    public_key = fields.text(body, "PublicKey", length=_PUBLIC_KEY_LENGTH)
    if not public_key.strip():
        refuse("missing_param", "PublicKey")
    return created("SSHKey", _kept_key(call, body, public_key))


def _kept_key(call: Call, body: fields.Body, public_key: str) -> views.View:
    doc = call.new(
        zone="",
        name=fields.name_of(body),
        description=fields.text(body, "Description"),
        tags=[],
        public_key=public_key,
        fingerprint=fingerprint_of(public_key),
    )
    return _key_view(call, call.save("sshkey", doc))


def generate_key(call: Call) -> Reply:
    """POST sshkey/generate: the private half is in this answer and kept nowhere."""
    body = fields.section(call.body, "SSHKey")
    if (fields.text(body, "GenerateFormat") or "openssh") != "openssh":
        refuse("invalid_format", "GenerateFormat: openssh")
    if fields.text(body, "PassPhrase"):
        refuse_as_absent("パスフレーズ付きの鍵の生成", "a generated key with a pass phrase")
    fields.name_of(body)
    with tempfile.TemporaryDirectory() as folder:
        private = Path(folder) / "key"
        command = [
            "ssh-keygen",
            "-q",
            "-t",
            "rsa",
            "-b",
            "2048",
            "-N",
            "",
            "-C",
            "",
            "-f",
            str(private),
        ]
        subprocess.run(command, check=True, capture_output=True)
        shown = _kept_key(call, body, private.with_suffix(".pub").read_text("utf-8").strip())
        return created("SSHKey", {**shown, "PrivateKey": private.read_text("utf-8")})


def read_key(call: Call) -> Reply:
    """GET sshkey/{id}."""
    return single("SSHKey", _key_view(call, call.path_document("sshkey")))


def update_key(call: Call) -> Reply:
    """PUT sshkey/{id}."""
    doc, body = call.path_document("sshkey"), fields.section(call.body, "SSHKey")
    doc["name"] = fields.name_of(body, doc["name"])
    doc["description"] = fields.text(body, "Description", doc["description"])
    return changed("SSHKey", _key_view(call, call.save("sshkey", doc)))


def delete_key(call: Call) -> Reply:
    """DELETE sshkey/{id}."""
    call.store.delete(call.path_document("sshkey")["id"])
    return done()


def _public_notes() -> list[Doc]:
    moment = "2025-01-01T00:00:00+09:00"
    note = {
        "id": "113000000101",
        "zone": "",
        "name": "sys-nfs",
        "description": "",
        "tags": [f"@zone={zone['Name']}" for zone in provider_data.zones()],
        "scope": "shared",
        "class": "json",
        "content": provider_data.nfs_note_content(),
        "created_at": moment,
        "modified_at": moment,
    }
    return [note]


def note_named(call: Call, note_id: str) -> Doc:
    """A note of the account or a public one. Raises 404 when there is none."""
    public = next((doc for doc in _public_notes() if doc["id"] == note_id), None)
    return public or call.path_document("note", note_id)


def _own_note(call: Call) -> Doc:
    doc = note_named(call, call.id)
    if doc["scope"] == "shared":
        refuse("forbidden", call.id)
    return doc


def _note_view(call: Call, doc: Doc) -> views.View:
    fixed = {"Scope": doc["scope"], "Availability": "available", "Remark": None, "Storage": None}
    return {
        **views.common(call.cloud, doc),
        **fixed,
        "Class": doc["class"],
        "Content": doc["content"],
    }


def list_notes(call: Call) -> Reply:
    """GET note."""
    docs = [*_public_notes(), *call.store.all("note")]
    return page(call, "Notes", [_note_view(call, doc) for doc in docs])


def _note_class(body: fields.Body, default: str) -> str:
    value = fields.text(body, "Class") or default
    if value not in _NOTE_CLASSES:
        refuse("invalid_format", f"Class: {', '.join(_NOTE_CLASSES)}")
    return value


def create_note(call: Call) -> Reply:
    """POST note."""
    body = fields.section(call.body, "Note")
    doc = call.new(
        zone="",
        **labels.fresh(call, body),
        scope="user",
        content=fields.text(body, "Content", length=_SCRIPT_LENGTH),
        **{"class": _note_class(body, "shell")},
    )
    return created("Note", _note_view(call, call.save("note", doc)))


def read_note(call: Call) -> Reply:
    """GET note/{id}."""
    return single("Note", _note_view(call, note_named(call, call.id)))


def update_note(call: Call) -> Reply:
    """PUT note/{id}."""
    doc, body = _own_note(call), fields.section(call.body, "Note")
    labels.update(call, doc, body)
    doc["class"] = _note_class(body, doc["class"])
    doc["content"] = fields.text(body, "Content", doc["content"], length=_SCRIPT_LENGTH)
    return changed("Note", _note_view(call, call.save("note", doc)))


def delete_note(call: Call) -> Reply:
    """DELETE note/{id}."""
    call.store.delete(_own_note(call)["id"])
    return done()
