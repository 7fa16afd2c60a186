"""Builds what is written into a server's boot disk: configuration, mark and startup script."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import NOTE
from kokunai.key_files import identity
from kokunai.plugin.sakura.ownership import full_mark
from kokunai.plugin.sakura.session import id_of, ready

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Props
    from kokunai.plugin.sakura.session import Session

DISK_TAG = "kokunai-disk-"
CONFIG_TAG = "kokunai-config-"
CONFIGURED_BY = ("hostName", "sshKeyIds", "sshPublicKeys", "password", "disablePasswordLogin")
"""Top-level inputs that are written to the boot disk."""


def static_address(props: Props) -> dict[str, Any]:
    """Address, mask and route of the first interface when it is on a switch, else empty."""
    nic = props["nics"][0]
    if nic["switchId"] == "shared" or not nic.get("address"):
        return {}
    return {
        "address": nic["address"],
        "prefix_length": nic.get("prefixLength", 0),
        "gateway": nic.get("gateway", ""),
    }


def request(props: Props, note_id: str | None = None) -> Item:
    """The `Config` section of a disk's request."""
    return sakura_requests.disk_config(
        host_name=props["hostName"],
        ssh_key_ids=props["sshKeyIds"],
        ssh_public_keys=props["sshPublicKeys"],
        password=props["password"],
        disable_password_login=props["disablePasswordLogin"],
        note_id=note_id,
        **static_address(props),
    )


def digest(props: Props) -> str:
    """Digest of what is written, 16 digits; the password is hashed slowly, so it stays secret."""
    written = {name: props[name] for name in CONFIGURED_BY if name != "password"}
    written["sshPublicKeys"] = [identity(key) for key in props["sshPublicKeys"]]
    written |= {"nic": static_address(props)}
    text = json.dumps(written, sort_keys=True).encode()
    if props["password"]:
        salt = hashlib.sha256(text).digest()
        text += hashlib.scrypt(props["password"].encode(), salt=salt, n=2**12, r=8, p=1)
    return hashlib.sha256(text).hexdigest()[:16]


def config_digest_of(disk: Item | None) -> str:
    """The digest in the boot disk's tags; empty for a disk without one."""
    return _after(CONFIG_TAG, disk or {})


def index_of(disk: Item) -> int | None:
    """The disk's number among the server's disks, None if the plugin did not create it."""
    text = _after(DISK_TAG, disk)
    return int(text) if text.isdigit() else None


def _after(prefix: str, item: Item) -> str:
    tags = [tag for tag in item.get("Tags") or [] if tag.startswith(prefix)]
    return str(tags[0]).removeprefix(prefix) if tags else ""


async def register(session: Session, script: str) -> str:
    """Register a note with the startup script for the configuration of a disk; returns its id."""
    body = sakura_requests.note(name=full_mark(session.op), content=script)

    async def find() -> Item | None:
        return next(iter(await _own_notes(session)), None)

    return id_of(await session.create(NOTE, ready(body), find))


async def remove_notes(session: Session) -> None:
    """Remove the registered notes, which the account need not keep once the disk is written."""
    for note in await _own_notes(session):
        await session.delete(NOTE, id_of(note))


async def _own_notes(session: Session) -> list[Item]:
    """Notes of this operation, found by name: the API overwrites a note's description."""
    name = full_mark(session.op)
    notes = await session.call(lambda: session.api.find(NOTE, session.zone, {"Name": [name]}))
    return [note for note in notes if note.get("Name") == name]
