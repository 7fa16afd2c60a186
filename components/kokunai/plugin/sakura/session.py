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


_SETTLING_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses in which a list may catch up with a deletion."""


class Session(Waiting):
    """An operation with the API and the zone in which it works."""

    def __init__(self, api: SakuraIaas, op: Operation, zone: str) -> None:
        super().__init__(op)
        self.api = api
        self.zone = zone
        self._undescribed: dict[str, list[str]] = {}
        """Ids by name of what the last list showed without a description."""

    async def create(
        self,
        what: Collection,
        body: Callable[[], Awaitable[Item]],
        find: Callable[[], Awaitable[Item | None]],
        *,
        is_unrecorded: bool = False,
    ) -> Item:
        """Create one item, once; `is_unrecorded` means that the state does not have it yet."""
        has_posted = False

        async def post(wanted: Item) -> Item:
            nonlocal has_posted
            self._refuse_a_double(what, wanted)
            has_posted = True
            return await self.api.create(what, self.zone, wanted)

        async def look() -> Item | None:
            return await (find() if has_posted else self._found_before(what, find))

        return await self.make(
            post,
            body,
            look,
            id_of if is_unrecorded else None,
        )

    async def _found_before(
        self, what: Collection, find: Callable[[], Awaitable[Item | None]]
    ) -> Item | None:
        """What an earlier run made: listed and readable, since lists may keep what was deleted.

        Raises NotUnderstood where list and item go on to disagree.
        """
        listed = ""
        for pause in _SETTLING_SECONDS:
            item = await find()
            listed = id_of(item) if item else ""
            if item is None or await self.read(what, listed) is not None:
                return item
            self.op.status(
                f"一覧に残っている {listed} が消えるのを待っています / "
                f"waiting until the list no longer has {listed}, which is gone"
            )
            await self.op.sleep(pause)
        where = f"GET {self.zone}/{what.path}"
        raise not_understood(
            where,
            f"一覧にある {listed} を読み取れません。数分後にもう一度実行してください",
            f"{listed} is in the list but cannot be read; run it again in some minutes",
        )

    def _refuse_a_double(self, what: Collection, wanted: Item) -> None:
        """Raise NotUnderstood where the last list has this name with no description at all.

        It may be what an earlier run made, whose mark the answer lacks. The caller looks again for
        a while: it may be shown with its mark then, or have been deleted just now.
        """
        name = wanted[what.singular].get("Name")
        ids = ", ".join(self._undescribed.get(name, ()))
        if ids:
            raise not_understood(
                f"GET {self.zone}/{what.path}",
                f"ゾーン {self.zone} の {what.singular} {ids}（{name}）に Description がなく、"
                "前の実行が作ったものかどうか分かりません。二重に作らないため、何も作りません。"
                "前の実行の残りなら削除し、ほかのものなら説明を書くか名前を変えて、"
                "もう一度実行してください",
                f"the {what.singular} {ids} ({name}) in zone {self.zone} has no Description, so "
                "an earlier run may have made it; nothing is made twice. Delete it if it is a "
                "leftover, else give it a description or another name, and run this again",
            )

    async def all(self, what: Collection) -> list[Item]:
        """All items of a collection in the zone."""
        items = await self.call(lambda: self.api.find(what, self.zone))
        bare: dict[str, list[str]] = {}
        for item in items:
            if item.get("Description", "") is None:
                bare.setdefault(item["Name"], []).append(id_of(item))
        self._undescribed = bare
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
