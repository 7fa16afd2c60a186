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
    from collections.abc import Sequence

    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Props
    from kokunai.plugin.sakura.session import Session

DISK_TAG = "kokunai-disk-"
CONFIG_TAG = "kokunai-config-"
KEY_TAG = "kokunai-key-"
CONFIGURED_BY = ("hostName", "sshKeyIds", "sshPublicKeys", "password", "disablePasswordLogin")
"""Top-level inputs that are written to the boot disk."""
_MOST_SCRIPTS = 2


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


def request(props: Props, note_ids: Sequence[str] = ()) -> Item:
    """The `Config` section of a disk's request; the scripts of the notes run in their order."""
    return sakura_requests.disk_config(
        host_name=props["hostName"],
        ssh_key_ids=props["sshKeyIds"],
        ssh_public_keys=props["sshPublicKeys"],
        password=props["password"],
        disable_password_login=props["disablePasswordLogin"],
        note_ids=note_ids,
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


def key_mark_of(disk: Item | None) -> str:
    """What the first key of a disk that was made anew is derived from; empty for a first one."""
    return _after(KEY_TAG, disk or {})


def index_of(disk: Item) -> int | None:
    """The disk's number among the server's disks, None if the plugin did not create it."""
    text = _after(DISK_TAG, disk)
    return int(text) if text.isdigit() else None


def _after(prefix: str, item: Item) -> str:
    tags = [tag for tag in item.get("Tags") or [] if tag.startswith(prefix)]
    return str(tags[0]).removeprefix(prefix) if tags else ""


async def register(session: Session, scripts: Sequence[str]) -> list[str]:
    """Register a note for each startup script of a disk; returns their ids in this order."""
    return [
        await _registered(session, _name(session, number), script)
        for number, script in enumerate(scripts)
    ]


async def _registered(session: Session, name: str, script: str) -> str:
    async def find() -> Item | None:
        return next((note for note in await _own_notes(session) if note["Name"] == name), None)

    body = sakura_requests.note(name=name, content=script)
    return id_of(await session.create(NOTE, ready(body), find))


async def remove_notes(session: Session) -> None:
    """Remove the registered notes, which the account need not keep once the disk is written."""
    for note in await _own_notes(session):
        await session.delete(NOTE, id_of(note))


async def _own_notes(session: Session) -> list[Item]:
    """Notes of this operation, found by name: the API overwrites a note's description."""
    names = [_name(session, number) for number in range(_MOST_SCRIPTS)]
    # A list is any of these.
    notes = await session.call(lambda: session.api.find(NOTE, session.zone, {"Name": names}))
    return [note for note in notes if note.get("Name") in names]


def _name(session: Session, number: int) -> str:
    return full_mark(session.op) + (f"-{number}" if number else "")
