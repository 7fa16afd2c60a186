"""`kokunai:sakura:SshKey`: a public key registered with the account."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import SSH_KEY
from kokunai.plugin.inputs import mistake
from kokunai.plugin.kind import Created, Found, Operation, Props
from kokunai.plugin.sakura import trailer
from kokunai.plugin.sakura.fields import Described
from kokunai.plugin.sakura.kind import SakuraKind, described, keeping, place_of, said_by

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.sakura.session import Session


def _public_key(value: str) -> str:
    text = value.strip()
    kind, _, rest = text.partition(" ")
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except binascii.Error:
        blob = b""
    if "\n" in text or kind.encode() not in blob[:64] or not kind:
        raise mistake(
            "OpenSSH の公開鍵 1 行で指定してください (例: ssh-ed25519 AAAA... 名前)。",
            "must be one line of an OpenSSH public key, for example ssh-ed25519 AAAA... name.",
        )
    return text


PublicKey = Annotated[str, AfterValidator(_public_key)]


class SshKeyInputs(Described):
    """A public key registered with the account."""

    public_key: PublicKey
    """One line of an OpenSSH public key. / OpenSSH の公開鍵 1 行。"""


class SshKey(SakuraKind):
    """Keys belong to the account; the zone only says where the API is asked."""

    token = "kokunai:sakura:SshKey"  # noqa: S105 - a type token
    model = SshKeyInputs
    computed: ClassVar = {"fingerprint": {"type": "string"}}
    replaced_by: ClassVar = {
        "publicKey": "登録済みの鍵の中身は変えられません / a registered key cannot be altered"
    }

    async def create(self, op: Operation, inputs: Props) -> Created:
        """Register it, or find and correct what a killed create registered."""
        session = self.session(op, inputs["zone"])
        body = _body(op, inputs)
        item = await session.make(SSH_KEY, body, lambda: _mine(session, inputs))
        with keeping(str(item["ID"]), _outputs(inputs, item)):
            if _view(item, inputs) != inputs:
                item = await session.update(SSH_KEY, str(item["ID"]), _changeable(body))
        return Created(str(item["ID"]), _outputs(inputs, item))

    async def read(self, op: Operation, id: str, state: Props, inputs: Props) -> Found | None:  # noqa: A002
        """As the API has it."""
        zone, item_id = place_of(id, inputs, state)
        item = await self.session(op, zone).read(SSH_KEY, item_id)
        if item is None:
            return None
        seen = _view(item, {**inputs, "zone": zone})
        return Found(item_id, seen, _outputs(seen, item))

    async def update(
        self,
        op: Operation,
        id: str,  # noqa: A002
        state: Props,  # noqa: ARG002
        old_inputs: Props,  # noqa: ARG002
        news: Props,
    ) -> Props:
        """Name and description."""
        session = self.session(op, news["zone"])
        body = _changeable(_body(op, news))
        item = await session.update(SSH_KEY, place_of(id, news)[1], body)
        return _outputs(news, item)

    async def delete(self, op: Operation, id: str, state: Props) -> None:  # noqa: A002
        """Servers keep the keys they were made with."""
        zone, item_id = place_of(id, state)
        await self.session(op, zone).delete(SSH_KEY, item_id)


async def _mine(session: Session, inputs: Props) -> Item | None:
    """Keys have no tags: the digest is in the description.

    One with another key, which a killed create left, must not pass for the key of the inputs.
    """
    found = by_digest(await session.all(SSH_KEY), session.op.digest)
    if found is None or _is_key(found, inputs["publicKey"]):
        return found
    await session.delete(SSH_KEY, str(found["ID"]))
    return None


def by_digest(items: list[Item], digest: str) -> Item | None:
    """The oldest whose description ends with our trailer and this digest."""
    mine = [one for one in items if trailer.read(one.get("Description") or "").digest == digest]
    return min(mine, key=lambda one: str(one["ID"]), default=None)


def _body(op: Operation, props: Props) -> Item:
    return sakura_requests.ssh_key(
        name=props["name"], description=described(op, props), public_key=props["publicKey"]
    )


def _changeable(body: Item) -> Item:
    key = {name: one for name, one in body["SSHKey"].items() if name != "PublicKey"}
    return {"SSHKey": key}


def _view(item: Item, inputs: Props) -> Props:
    given = inputs.get("publicKey", "")
    return {
        "name": item["Name"],
        "zone": inputs["zone"],
        **said_by(item),
        "publicKey": given if _is_key(item, given) else str(item.get("PublicKey", "")).strip(),
    }


def _is_key(item: Item, given: str) -> bool:
    """The comment of a key is not part of it: the API may have dropped or altered it."""
    return str(item.get("PublicKey", "")).split()[:2] == given.split()[:2]


def _outputs(props: Props, item: Item) -> Props:
    return {**props, "fingerprint": item.get("Fingerprint", "")}
