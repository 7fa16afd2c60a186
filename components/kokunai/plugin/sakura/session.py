"""The calls of one operation in one zone of Sakura's IaaS, repeated after temporary failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.drivers.errors import NotFound
from kokunai.drivers.sakura_http import not_understood
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kokunai.drivers.sakura_iaas import Collection, Item, SakuraIaas
    from kokunai.plugin.kind import Operation


class Session(Waiting):
    """An operation with the API and the zone in which it works."""

    def __init__(self, api: SakuraIaas, op: Operation, zone: str) -> None:
        super().__init__(op)
        self.api = api
        self.zone = zone
        self._undescribed: frozenset[str] = frozenset()

    async def create(
        self,
        what: Collection,
        body: Callable[[], Awaitable[Item]],
        find: Callable[[], Awaitable[Item | None]],
        *,
        is_unrecorded: bool = False,
    ) -> Item:
        """Create one item, once; `is_unrecorded` means that the state does not have it yet."""

        async def post(wanted: Item) -> Item:
            self._refuse_a_double(what, wanted)
            return await self.api.create(what, self.zone, wanted)

        return await self.make(
            post,
            body,
            find,
            id_of if is_unrecorded else None,
        )

    def _refuse_a_double(self, what: Collection, wanted: Item) -> None:
        """Raise NotUnderstood where the last list has this name with no description at all.

        It may be what an earlier run made, whose mark the answer lacks.
        """
        name = wanted[what.singular].get("Name")
        if name in self._undescribed:
            raise not_understood(
                f"GET {self.zone}/{what.path}",
                f"「{name}」に Description がありません",
                f'"{name}" has no Description',
            )

    async def all(self, what: Collection) -> list[Item]:
        """All items of a collection in the zone."""
        items = await self.call(lambda: self.api.find(what, self.zone))
        bare = (item for item in items if item.get("Description", "") is None)
        self._undescribed = frozenset(item["Name"] for item in bare)
        return items

    async def get(self, what: Collection, item_id: str) -> Item:
        """The item as it is now. Raises NotFound when it does not exist."""
        return await self.call(lambda: self.api.read(what, self.zone, item_id))

    async def read(self, what: Collection, item_id: str) -> Item | None:
        """The item as it is now, or None."""
        try:
            return await self.get(what, item_id)
        except NotFound:
            return None

    async def update(self, what: Collection, item_id: str, body: Item) -> Item:
        """Change the fields that the body names."""
        return await self.call(lambda: self.api.update(what, self.zone, item_id, body))

    async def delete(self, what: Collection, item_id: str) -> None:
        """Remove an item, waiting while something still uses it; absent is success."""
        await self.when_free(lambda: self.call(lambda: self.api.delete(what, self.zone, item_id)))


def id_of(item: Item) -> str:
    """The API's id of an item."""
    return str(item["ID"])


def ready(body: Item) -> Callable[[], Awaitable[Item]]:
    """A function that returns this body, as `create` takes it."""

    async def answer() -> Item:
        return body

    return answer
