"""What the kinds have in common that are made by one call and changed in place by another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from kokunai.plugin.kind import Created, Found, Operation, Props, Transition
from kokunai.plugin.sakura import description_mark
from kokunai.plugin.sakura.kind import SakuraKind, keeping, place_of
from kokunai.plugin.sakura.session import id_of, ready

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.sakura.session import Session


class SimpleKind(SakuraKind, ABC):
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

    def outputs(self, props: Props, _item: Item) -> Props:
        """The inputs, and what the API adds to them."""
        return props

    async def find(self, session: Session, _new: Props) -> Item | None:
        """What a killed create made: without tags the digest is in the description."""
        return by_digest(await session.all(self.collection), session.op.digest)

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Make it, or find and correct what a killed create made."""
        new = transition.new
        session = self.session(op, new["zone"])
        body = self.body(op, new)
        item = await session.create(
            self.collection, ready(body), lambda: self.find(session, new), is_unrecorded=True
        )
        with keeping(id_of(item), self.outputs(new, item)):
            if self.view(item, new) != new:
                item = await session.update(self.collection, id_of(item), self.changeable(body))
        return Created(id_of(item), self.outputs(new, item))

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """As the API has it."""
        zone, item_id = place_of(transition.id, transition.old, transition.state)
        item = await self.session(op, zone).read(self.collection, item_id)
        if item is None:
            return None
        inputs = self.view(item, {**transition.old, "zone": zone})
        return Found(item_id, inputs, self.outputs(inputs, item))

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Everything that no replacement is needed for."""
        new = transition.new
        session = self.session(op, new["zone"])
        body = self.changeable(self.body(op, new))
        item = await session.update(self.collection, place_of(transition.id, new)[1], body)
        return self.outputs(new, item)

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Wait until nothing uses it."""
        zone, item_id = place_of(transition.id, transition.state)
        await self.session(op, zone).delete(self.collection, item_id)


def by_digest(items: list[Item], digest: str) -> Item | None:
    """The oldest whose description ends with our mark and this digest."""
    mine = [item for item in items if _mark(item).digest == digest]
    return min(mine, key=id_of, default=None)


def _mark(item: Item) -> description_mark.MarkedDescription:
    return description_mark.read(item.get("Description") or "")
