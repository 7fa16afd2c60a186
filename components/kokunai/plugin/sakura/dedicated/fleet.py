"""What all dedicated servers of an account share: lists, and which of them is taken by whom.

300 calls an hour are three for each server of a pool of 100, so nobody asks about one server
alone: a list shows all of them, and everybody who waits reads the same answer.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from kokunai.drivers.sakura_phy import SakuraPhy
    from kokunai.drivers.sakura_phy_views import OsImage, Server, Service

T = TypeVar("T")

SHORTEST_BEAT_SECONDS = 10.0
LONGEST_BEAT_SECONDS = 30.0
"""Between two lists: 30 seconds are 120 of the 300 calls that an account has in an hour."""
_BEAT_SECONDS_EACH = 0.5


class Listing(Generic[T]):
    """The last answer of one list call, and since when it is true."""

    def __init__(
        self, fetch: Callable[[], Coroutine[Any, Any, dict[str, T]]], clock: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._turn = asyncio.Lock()
        self.rows: dict[str, T] = {}
        self.asked_at = float("-inf")
        """Everything that was done before this moment shows in the rows."""

    async def since(
        self,
        moment: float,
        ask: Callable[[Callable[[], Coroutine[Any, Any, dict[str, T]]]], Awaitable[dict[str, T]]],
    ) -> dict[str, T]:
        """Rows that are not older than `moment`; one call serves all who wait for it."""
        async with self._turn:
            if self.asked_at < moment:
                asked_at = self._clock()
                self.rows = await ask(self._fetch)
                self.asked_at = asked_at
            return self.rows


class Fleet:
    """The servers of one account, as its lists show them."""

    def __init__(self, api: SakuraPhy, clock: Callable[[], float] = time.monotonic) -> None:
        self.api = api
        self.clock = clock
        self.services: Listing[Service] = Listing(api.services, clock)
        self.servers: Listing[Server] = Listing(api.servers, clock)
        self.choosing = asyncio.Lock()
        """Held while a service is chosen and marked, so that no two resources choose the same."""
        self.foreseen: dict[str, str] = {}
        """In a preview: the service that a resource, by its URN, will adopt."""
        self.waiting_count = 0
        """How many operations wait for a list to change."""
        self._images: dict[str, list[OsImage]] = {}
        self._asking_images = asyncio.Lock()

    @property
    def beat_seconds(self) -> float:
        """How old a list may be for those who wait; the more of them, the older."""
        wanted = SHORTEST_BEAT_SECONDS + _BEAT_SECONDS_EACH * self.waiting_count
        return min(wanted, LONGEST_BEAT_SECONDS)

    def note(self, service: Service) -> None:
        """Put the answer of a change into the list, so that nobody has to ask for it."""
        self.services.rows[service.service_id] = service

    async def images(
        self,
        plan_id: str,
        fetch: Callable[[], Awaitable[list[OsImage]]],
    ) -> list[OsImage]:
        """What servers of a plan can have, asked for once."""
        async with self._asking_images:
            if plan_id not in self._images:
                self._images[plan_id] = await fetch()
            return self._images[plan_id]
