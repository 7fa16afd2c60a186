"""Switches servers and appliances on and off and waits until they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from kokunai.drivers.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.sakura.session import Session

_PRESS_AGAIN_SECONDS = 30.0
"""After this time a request is repeated, as Sakura's own clients do: the API loses some of them."""
GRACE_SECONDS = 180.0
"""How long a host may take to shut down before its power is cut."""


def is_up(item: Item) -> bool:
    """Whether the server or appliance is on."""
    return status_of(item) == "up"


def status_of(item: Item) -> str:
    """The power state of an item: `up`, `cleaning` (shutting down) or `down`."""
    return str((item.get("Instance") or {}).get("Status") or "down")


async def power_on(session: Session, what: Collection, item_id: str) -> Item:
    """Boot and wait until it is up."""
    return await _press(session, what, item_id, up=True, force=False)


async def power_off(session: Session, what: Collection, item_id: str, *, force: bool) -> None:
    """Shut down and wait; cut the power with `force`, or when the host takes too long."""
    await _press(session, what, item_id, up=False, force=force)


async def _press(
    session: Session, what: Collection, item_id: str, *, up: bool, force: bool
) -> Item:
    switch = _PowerSwitch(session, what, item_id, up=up, force=force)

    async def look() -> Item:
        item = await session.get(what, item_id)
        if not switch.is_done(item):
            await switch.press()
        return item

    word = "起動しています / booting" if up else "電源を切っています / powering off"
    return await session.until(look, switch.is_done, lambda item: f"{word} ({status_of(item)})")


class _PowerSwitch:
    """Requests a power state, repeats the request, and forces a shutdown that takes too long."""

    def __init__(
        self, session: Session, what: Collection, item_id: str, *, up: bool, force: bool
    ) -> None:
        self._session = session
        self._what = what
        self._item_id = item_id
        self._up = up
        self._force = force
        self._first: float | None = None
        self._last = float("-inf")

    def is_done(self, item: Item) -> bool:
        """Whether the wanted power state is reached."""
        return is_up(item) if self._up else status_of(item) == "down"

    async def press(self) -> None:
        """Send the request unless it was sent a moment ago; a conflict means it is in progress."""
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        if not self._force and not self._up and now - self._first > GRACE_SECONDS:
            self._insist()
        if now - self._last < _PRESS_AGAIN_SECONDS:
            return
        self._last = now
        try:
            await self._session.call(self._ask)
        except Conflict:
            return

    async def _ask(self) -> None:
        session = self._session
        if self._up:
            await session.api.power_on(self._what, session.zone, self._item_id)
        else:
            await session.api.power_off(self._what, session.zone, self._item_id, force=self._force)

    def _insist(self) -> None:
        self._force = True
        self._last = float("-inf")
        self._session.op.warn(
            f"{GRACE_SECONDS:.0f} 秒待っても停止しないので、強制的に電源を切ります。\n"
            f"It did not shut down within {GRACE_SECONDS:.0f} s: cutting the power."
        )


async def remove_when_off(
    session: Session,
    what: Collection,
    item_id: str,
    remove: Callable[[], Coroutine[Any, Any, None]],
    *,
    force: bool,
) -> None:
    """Shut down and remove; repeated when somebody booted it in between. Absent is success."""

    async def ask() -> None:
        await power_off(session, what, item_id, force=force)
        await session.call(remove)

    await session.when_free(ask)
