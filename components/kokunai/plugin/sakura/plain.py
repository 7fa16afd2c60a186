"""What the kinds have in common that are made by one call and changed in place by another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from kokunai.plugin.kind import Created, Found, Operation, Props
from kokunai.plugin.sakura import trailer
from kokunai.plugin.sakura.kind import SakuraKind, keeping, place_of
from kokunai.plugin.sakura.session import ready

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.sakura.session import Session


class PlainKind(SakuraKind, ABC):
    """A kind says how it is written, how it is read, and how its own is found again."""

    collection: ClassVar[Collection]

    @abstractmethod
    def body(self, op: Operation, props: Props) -> Item:
        """What a POST sends."""

    def changeable(self, body: Item) -> Item:
        """The part of the body that a PUT may send."""
        return body

    @abstractmethod
    def view(self, item: Item, given: Props) -> Props:
        """The inputs as the API has them; `given` tells the zone and what the API does not."""

    def outputs(self, props: Props, item: Item) -> Props:  # noqa: ARG002
        """The inputs, and what the API adds to them."""
        return props

    async def find(self, session: Session, inputs: Props) -> Item | None:  # noqa: ARG002
        """What a killed create made: without tags the digest is in the description."""
        return by_digest(await session.all(self.collection), session.op.digest)

    async def create(self, op: Operation, inputs: Props) -> Created:
        """Make it, or find and correct what a killed create made."""
        session = self.session(op, inputs["zone"])
        body = self.body(op, inputs)
        item = await session.make(
            self.collection,
            ready(body),
            lambda: self.find(session, inputs),
            is_unrecorded=True,
        )
        item_id = str(item["ID"])
        with keeping(item_id, self.outputs(inputs, item)):
            if self.view(item, inputs) != inputs:
                item = await session.update(self.collection, item_id, self.changeable(body))
        return Created(item_id, self.outputs(inputs, item))

    async def read(self, op: Operation, id: str, state: Props, inputs: Props) -> Found | None:  # noqa: A002
        """As the API has it."""
        zone, item_id = place_of(id, inputs, state)
        item = await self.session(op, zone).read(self.collection, item_id)
        if item is None:
            return None
        seen = self.view(item, {**inputs, "zone": zone})
        return Found(item_id, seen, self.outputs(seen, item))

    async def update(
        self,
        op: Operation,
        id: str,  # noqa: A002
        state: Props,  # noqa: ARG002
        old_inputs: Props,  # noqa: ARG002
        news: Props,
    ) -> Props:
        """Everything that no replacement is needed for."""
        session = self.session(op, news["zone"])
        body = self.changeable(self.body(op, news))
        item = await session.update(self.collection, place_of(id, news)[1], body)
        return self.outputs(news, item)

    async def delete(self, op: Operation, id: str, state: Props) -> None:  # noqa: A002
        """Wait until nothing uses it."""
        zone, item_id = place_of(id, state)
        await self.session(op, zone).delete(self.collection, item_id)


def by_digest(items: list[Item], digest: str) -> Item | None:
    """The oldest whose description ends with our trailer and this digest."""
    mine = [one for one in items if trailer.read(one.get("Description") or "").digest == digest]
    return min(mine, key=lambda one: str(one["ID"]), default=None)
