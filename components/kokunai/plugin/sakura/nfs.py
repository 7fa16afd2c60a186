"""`kokunai:sakura:Nfs`: a file server appliance on a switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import APPLIANCE
from kokunai.plugin.kind import (
    UNKNOWN,
    Change,
    Created,
    Found,
    Held,
    Operation,
    Props,
    Transition,
)
from kokunai.plugin.sakura import fields, ownership
from kokunai.plugin.sakura.kind import (
    SakuraKind,
    changeable,
    creation_failed,
    description_inputs,
    keeping,
    mark_found,
    named,
    own_tags,
    place_of,
)
from kokunai.plugin.sakura.ownership import Finding
from kokunai.plugin.sakura.power import is_up, power_on, remove_when_off, status_of
from kokunai.plugin.sakura.session import id_of

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.sakura.products import Products
    from kokunai.plugin.sakura.session import Session

_ENDS_OF_MAKING = frozenset({"available", "failed"})


class NfsInputs(fields.Tagged):
    """A file server appliance on a switch."""

    plan: Literal["ssd", "hdd"]
    """Kind of disk. / ディスクの種類。"""
    size_gib: int = Field(ge=1)
    """Size, one of those that the zone sells. / 容量。"""
    switch_id: fields.Reference
    """Id of the switch. / スイッチの ID。"""
    address: fields.Address
    """IPv4 address on the switch. / スイッチ上の IPv4 アドレス。"""
    prefix_length: fields.PrefixLength
    """Length of the network mask. / ネットマスク長。"""
    gateway: fields.Address = ""
    """Default route. / デフォルトルート。"""


_FIXED = (
    "容量や接続先は変更できないため、共有ストレージを作り直します。保存されたデータは失われます / "
    "the make-up of a file server is fixed, so the share is made anew and its data is lost"
)


class Nfs(SakuraKind):
    """A file server appliance; the API takes minutes to make one and then boots it."""

    pulumi_type = "kokunai:sakura:Nfs"
    model = NfsInputs
    computed = fields.Powered
    marked = (APPLIANCE,)
    default_timeout_seconds = 1800.0
    replaced_by: ClassVar = dict.fromkeys(
        ("zone", "plan", "sizeGib", "switchId", "address", "prefixLength", "gateway"), _FIXED
    )

    def held(self, props: Props) -> Held:
        """All of the share."""
        size = props.get("sizeGib")
        return Held(size if isinstance(size, int) else 0, "共有ストレージ", "file share")

    def diff(self, transition: Transition) -> list[Change]:
        """Changes of the inputs, and drift when it is off."""
        changes = super().diff(transition)
        if transition.state.get("instanceStatus", "up") != "up":
            reason = "停止しているので起動します / it is down and will be booted"
            changes.append(Change("instanceStatus", of_state=True, reason=reason))
        return changes

    async def check_sold(
        self, session: Session, products: Products, old: Props, new: Props
    ) -> None:
        """Raises KokunaiError when zone, plan or size is not sold."""
        await super().check_sold(session, products, old, new)
        named = ("zone", "plan", "sizeGib")
        known = all(new[name] is not UNKNOWN for name in named)
        if known and any(old.get(name) != new[name] for name in named):
            await products.nfs_plan_id(session, new["plan"], new["sizeGib"])

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Create it, or adopt what a killed create made, and wait until it is up."""
        new = transition.new
        session = self.session(op, new["zone"])

        async def body() -> Item:
            plan_id = await self.products(op).nfs_plan_id(session, new["plan"], new["sizeGib"])
            return _body(op, new, plan_id)

        left = Finding(session, APPLIANCE)

        async def find() -> Item | None:
            item = await left()
            if item is not None:
                await self.refuse_unfit(session, APPLIANCE, item, new)
            return item

        item = await session.create(APPLIANCE, body, find, is_unrecorded=True)
        return Created(id_of(item), await self._finish(session, id_of(item), new))

    async def refuse_unfit(
        self,
        session: Session,
        what: Collection,  # noqa: ARG002 - an appliance is all that it makes
        item: Item,
        new: Props,
    ) -> None:
        """Only name, description and tags of an appliance can be changed."""
        left = await self.read(session.op, Transition(id_of(item), old=new))
        self.refuse_other(session.op, left, new)

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The appliance as the API shows it."""
        zone, item_id = place_of(transition.id, transition.old, transition.state)
        session = self.session(op, zone)
        item = await session.read(APPLIANCE, item_id)
        if item is None:
            return None
        plans = await self.products(op).nfs_plans(session)
        inputs = _view(item, zone, plans, transition.old)
        outputs = {**inputs, "instanceStatus": status_of(item), **mark_found(transition, item)}
        return Found(item_id, inputs, outputs)

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Change name, description and tags, and finish an interrupted create."""
        new = transition.new
        return await self._finish(
            self.session(op, new["zone"]), place_of(transition.id, new)[1], new
        )

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Shut down, wait and remove."""
        zone, item_id = place_of(transition.id, transition.state)
        session = self.session(op, zone)
        item = await session.read(APPLIANCE, item_id)
        if item is None:
            return
        await _made(session, item_id)
        await remove_when_off(
            session,
            APPLIANCE,
            item_id,
            lambda: session.api.delete(APPLIANCE, zone, item_id),
            force=False,
        )

    async def _finish(self, session: Session, item_id: str, inputs: Props) -> Props:
        with keeping(item_id, {**inputs, "instanceStatus": "down"}) as outputs:
            item = await _made(session, item_id)
            if item.get("Availability") == "failed":
                raise creation_failed(session.op)
            is_mine = ownership.is_marked(session.op, item)
            if not is_mine or _labels_of(item, session.zone) != _labels_of_inputs(inputs):
                body = {"Appliance": changeable(session.op, inputs)}
                await session.update(APPLIANCE, item_id, body)
            item = await power_on(session, APPLIANCE, item_id)
            outputs["instanceStatus"] = "up" if is_up(item) else status_of(item)
        return outputs


async def _made(session: Session, item_id: str) -> Item:
    """Wait until the API has made it or has failed to."""
    return await session.until(
        lambda: session.get(APPLIANCE, item_id),
        lambda item: item.get("Availability", "available") in _ENDS_OF_MAKING,
        lambda item: f"NFS を作っています / making the file server ({item.get('Availability')})",
    )


def _body(op: Operation, props: Props, plan_id: int) -> Item:
    return sakura_requests.nfs(
        **named(op, props),
        plan_id=plan_id,
        switch_id=props["switchId"],
        address=props["address"],
        prefix_length=props["prefixLength"],
        gateway=props["gateway"],
    )


def _labels_of(item: Item, zone: str) -> Props:
    return {
        "name": item["Name"],
        "zone": zone,
        **description_inputs(item),
        "tags": own_tags(item.get("Tags")),
    }


def _labels_of_inputs(inputs: Props) -> Props:
    named = ("name", "zone", "description", "site", "labels", "owner", "tags")
    return {name: inputs[name] for name in named if name in inputs}


def _view(item: Item, zone: str, plans: list[Item], given: Props) -> Props:
    remark = item.get("Remark") or {}
    network = remark.get("Network") or {}
    plan_id = str((remark.get("Plan") or item.get("Plan") or {}).get("ID"))
    known = next((row for row in plans if str(row["id"]) == plan_id), given)
    switch = remark.get("Switch") or item.get("Switch") or {}
    return {
        **_labels_of(item, zone),
        "plan": known.get("plan", "ssd"),
        "sizeGib": known.get("sizeGib", 0),
        "switchId": str(switch.get("ID", "")),
        "address": (remark.get("Servers") or [{}])[0].get("IPAddress", ""),
        "prefixLength": int(network.get("NetworkMaskLen") or 0),
        "gateway": network.get("DefaultRoute") or "",
    }
