"""`kokunai:sakura:SshKey`: a public key registered with the account."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import SSH_KEY
from kokunai.key_files import identity
from kokunai.plugin.inputs import Computed
from kokunai.plugin.kind import UNKNOWN
from kokunai.plugin.sakura.fields import Described
from kokunai.plugin.sakura.kind import described, description_inputs, leftover
from kokunai.plugin.sakura.session import id_of
from kokunai.plugin.sakura.simple_kind import SimpleKind
from kokunai.problems import refusal

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Change, Operation, Props, Transition


def _public_key(value: str) -> str:
    text = value.strip()
    kind, _, rest = text.partition(" ")
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except binascii.Error:
        blob = b""
    if "\n" in text or kind.encode() not in blob[:64] or not kind:
        raise refusal(
            "OpenSSH の公開鍵 1 行で指定してください（例: ssh-ed25519 AAAA... 名前）。",
            "must be one line of an OpenSSH public key, for example ssh-ed25519 AAAA... name.",
        )
    return text


PublicKey = Annotated[str, AfterValidator(_public_key)]


class SshKeyInputs(Described):
    """A public key registered with the account."""

    public_key: PublicKey
    """One line of an OpenSSH public key. / OpenSSH の公開鍵 1 行。"""


class SshKeyComputed(Computed):
    """What the API adds to a key."""

    fingerprint: str
    """Fingerprint of the key. / 鍵のフィンガープリント。"""


class SshKey(SimpleKind):
    """A registered key; it belongs to the account, and the zone only says where to call the API."""

    pulumi_type = "kokunai:sakura:SshKey"
    model = SshKeyInputs
    collection = SSH_KEY
    computed = SshKeyComputed
    replaced_by: ClassVar = {
        "publicKey": "登録済みの鍵の中身は変えられません / a registered key cannot be altered"
    }

    def diff(self, transition: Transition) -> list[Change]:
        """Changes leaf by leaf; another comment behind the same key is none."""
        key = as_before(transition.old.get("publicKey"), transition.new.get("publicKey"))
        return super().diff(replace(transition, new={**transition.new, "publicKey": key}))

    def body(self, op: Operation, props: Props) -> Item:
        """Name, description and public key."""
        return sakura_requests.ssh_key(
            name=props["name"], description=described(op, props), public_key=props["publicKey"]
        )

    def changeable(self, body: Item) -> Item:
        """Name and description; the API cannot change the public key."""
        kept = {name: value for name, value in body["SSHKey"].items() if name != "PublicKey"}
        return {"SSHKey": kept}

    def view(self, item: Item, given: Props) -> Props:
        """The inputs; the public key as it was given while the API has the same key."""
        key = given.get("publicKey", "")
        return {
            "name": item["Name"],
            "zone": given["zone"],
            **description_inputs(item),
            "publicKey": key if _is_key(item, key) else str(item.get("PublicKey", "")).strip(),
        }

    def outputs(self, props: Props, item: Item) -> Props:
        """The inputs and the fingerprint."""
        return {**props, "fingerprint": item.get("Fingerprint", "")}

    def refuse_left(self, op: Operation, item: Item, new: Props) -> None:
        """Another public key can be neither altered nor, as somebody may need it, removed."""
        if new["publicKey"] is not UNKNOWN and not _is_key(item, new["publicKey"]):
            raise leftover(op, id_of(item), "publicKey")


def _is_key(item: Item, given: str) -> bool:
    """Whether the item has this key, comments aside: the API may have altered them."""
    return identity(str(item.get("PublicKey", ""))) == identity(given)


def as_before(old: Any, new: Any) -> Any:
    """The text of a public key as it was, where only the comment behind the key is another."""
    both_known = isinstance(old, str) and isinstance(new, str)
    return old if both_known and identity(old) == identity(new) else new
