"""The base of kinds that one call creates and another changes in place."""

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
    """Implements create, read, update and delete; a subclass translates bodies and items."""

    collection: ClassVar[Collection]

    @abstractmethod
    def body(self, op: Operation, props: Props) -> Item:
        """The body of the POST that creates it."""

    def changeable(self, body: Item) -> Item:
        """The part of the body that a PUT may change."""
        return body

    @abstractmethod
    def view(self, item: Item, given: Props) -> Props:
        """The inputs of an item; `given` has the zone and what the API does not show."""

    def outputs(self, props: Props, _item: Item) -> Props:
        """The inputs and the outputs that the API adds."""
        return props

    async def find(self, session: Session, _new: Props) -> Item | None:
        """What a killed create made, found by the digest in its description."""
        return by_digest(await session.all(self.collection), session.op.digest)

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Create it, or adopt and correct what a killed create made."""
        new = transition.new
        session = self.session(op, new["zone"])
        body = self.body(op, new)
        item = await session.create(
            self.collection,
            ready(body),
            lambda: self.find(session, new),
            is_unrecorded=True,
        )
        with keeping(id_of(item), self.outputs(new, item)):
            if self.view(item, new) != new:
                item = await session.update(self.collection, id_of(item), self.changeable(body))
        return Created(id_of(item), self.outputs(new, item))

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The resource as the API shows it."""
        zone, item_id = place_of(transition.id, transition.old, transition.state)
        item = await self.session(op, zone).read(self.collection, item_id)
        if item is None:
            return None
        inputs = self.view(item, {**transition.old, "zone": zone})
        return Found(item_id, inputs, self.outputs(inputs, item))

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Change everything that needs no replacement."""
        new = transition.new
        session = self.session(op, new["zone"])
        body = self.changeable(self.body(op, new))
        item = await session.update(self.collection, place_of(transition.id, new)[1], body)
        return self.outputs(new, item)

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Remove it, waiting while something still uses it."""
        zone, item_id = place_of(transition.id, transition.state)
        await self.session(op, zone).delete(self.collection, item_id)


def by_digest(items: list[Item], digest: str) -> Item | None:
    """The oldest item whose description has a mark with this digest."""
    mine = [item for item in items if _mark(item).digest == digest]
    return min(mine, key=id_of, default=None)


def _mark(item: Item) -> description_mark.MarkedDescription:
    return description_mark.read(item.get("Description") or "")
