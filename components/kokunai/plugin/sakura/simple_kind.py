"""The base of kinds that one call creates and another changes in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from kokunai.plugin.kind import Created, Found, Operation, Props, Transition
from kokunai.plugin.sakura.kind import SakuraKind, keeping, mark_found, place_of
from kokunai.plugin.sakura.ownership import Finding
from kokunai.plugin.sakura.session import id_of, ready

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Collection, Item


class SimpleKind(SakuraKind, ABC):
    """Implements create, read, update and delete; a subclass translates bodies and items."""

    collection: ClassVar[Collection]

    def __init_subclass__(cls) -> None:
        """Its only collection is what has a mark."""
        cls.marked = (cls.collection,)

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

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Create it, or adopt and correct what a killed create made."""
        new = transition.new
        session = self.session(op, new["zone"])
        body = self.body(op, new)
        left = Finding(session, self.collection)

        async def find() -> Item | None:
            item = await left()
            if item is not None:
                await self.refuse_unfit(session, self.collection, item, new)
            return item

        item = await session.create(self.collection, ready(body), find, is_unrecorded=True)
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
        outputs = {**self.outputs(inputs, item), **mark_found(transition, item)}
        return Found(item_id, inputs, outputs)

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
