"""What one operation does in one zone of Sakura's IaaS, each call as often as it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.drivers.errors import NotFound
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kokunai.drivers.sakura_iaas import Collection, Item, SakuraIaas
    from kokunai.plugin.kind import Operation


class Session(Waiting):
    """An API and a zone beside the operation."""

    def __init__(self, api: SakuraIaas, op: Operation, zone: str) -> None:
        super().__init__(op)
        self.api = api
        self.zone = zone

    async def create(
        self,
        what: Collection,
        body: Callable[[], Awaitable[Item]],
        find: Callable[[], Awaitable[Item | None]],
        *,
        is_unrecorded: bool = False,
    ) -> Item:
        """Make one thing once; `is_unrecorded` says that the state has no such thing yet."""
        return await self.make(
            lambda wanted: self.api.create(what, self.zone, wanted),
            body,
            find,
            id_of if is_unrecorded else None,
        )

    async def tagged(self, what: Collection) -> list[Item]:
        """What carries this operation's digest, oldest first."""
        items = await self.call(lambda: self.api.find_tagged(what, self.zone, self.op.digest))
        return sorted(items, key=id_of)

    async def first_tagged(self, what: Collection) -> Item | None:
        """The one that carries this operation's digest."""
        return next(iter(await self.tagged(what)), None)

    async def all(self, what: Collection) -> list[Item]:
        """Everything of a sort in the zone."""
        return await self.call(lambda: self.api.find(what, self.zone))

    async def get(self, what: Collection, item_id: str) -> Item:
        """One as it is now; raises NotFound when it is gone."""
        return await self.call(lambda: self.api.read(what, self.zone, item_id))

    async def read(self, what: Collection, item_id: str) -> Item | None:
        """One as it is now, or None."""
        try:
            return await self.get(what, item_id)
        except NotFound:
            return None

    async def update(self, what: Collection, item_id: str, body: Item) -> Item:
        """Change what the body names."""
        return await self.call(lambda: self.api.update(what, self.zone, item_id, body))

    async def delete(self, what: Collection, item_id: str) -> None:
        """Remove one, waiting while something else still uses it; absent is success."""
        await self.when_free(lambda: self.call(lambda: self.api.delete(what, self.zone, item_id)))


def id_of(item: Item) -> str:
    """The API's id of an item."""
    return str(item["ID"])


def ready(body: Item) -> Callable[[], Awaitable[Item]]:
    """A body that needs no asking."""

    async def answer() -> Item:
        return body

    return answer
