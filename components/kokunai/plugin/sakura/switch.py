"""`kokunai:sakura:Switch`: a private layer-2 segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import SWITCH
from kokunai.plugin.kind import Created, Found, Operation, Props
from kokunai.plugin.sakura.fields import Tagged
from kokunai.plugin.sakura.kind import (
    SakuraKind,
    described,
    keeping,
    own_tags,
    place_of,
    said_by,
    tags_of,
)

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item


class SwitchInputs(Tagged):
    """A private layer-2 segment."""


class Switch(SakuraKind):
    """Made at once; removed when nothing is connected any more."""

    token = "kokunai:sakura:Switch"  # noqa: S105 - a type token
    model = SwitchInputs
    replaced_by: ClassVar = {
        "zone": "スイッチはゾーンを移せません / a switch cannot move to another zone"
    }

    async def create(self, op: Operation, inputs: Props) -> Created:
        """Make it, or find and correct what a killed create made."""
        session = self.session(op, inputs["zone"])
        body = _body(op, inputs)
        item = await session.make(SWITCH, body, lambda: session.first_tagged(SWITCH))
        with keeping(str(item["ID"]), inputs):
            if _view(item, inputs["zone"]) != inputs:
                await session.update(SWITCH, str(item["ID"]), body)
        return Created(str(item["ID"]), inputs)

    async def read(self, op: Operation, id: str, state: Props, inputs: Props) -> Found | None:  # noqa: A002
        """As the API has it."""
        zone, item_id = place_of(id, inputs, state)
        item = await self.session(op, zone).read(SWITCH, item_id)
        if item is None:
            return None
        seen = _view(item, zone)
        return Found(item_id, seen, seen)

    async def update(
        self,
        op: Operation,
        id: str,  # noqa: A002
        state: Props,  # noqa: ARG002
        old_inputs: Props,  # noqa: ARG002
        news: Props,
    ) -> Props:
        """Name, description and tags."""
        await self.session(op, news["zone"]).update(SWITCH, place_of(id, news)[1], _body(op, news))
        return news

    async def delete(self, op: Operation, id: str, state: Props) -> None:  # noqa: A002
        """Wait until nothing is connected."""
        zone, item_id = place_of(id, state)
        await self.session(op, zone).delete(SWITCH, item_id)


def _body(op: Operation, props: Props) -> Item:
    return sakura_requests.switch(
        name=props["name"], description=described(op, props), tags=tags_of(op, props)
    )


def _view(item: Item, zone: str) -> Props:
    return {
        "name": item["Name"],
        "zone": zone,
        **said_by(item),
        "tags": own_tags(item.get("Tags")),
    }
