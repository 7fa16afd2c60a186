"""Limits how many calls an API gets from this process: per second, or in any longer time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


_ROUNDING = 1e-9


class TokenBucket:
    """Lets `per_second` calls through on average, and as many at once after a pause."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if per_second <= 0:
            raise ValueError("per_second must be greater than 0")
        self._per_second = per_second
        self._capacity = max(1.0, per_second)
        self._tokens = self._capacity
        self._clock = clock
        self._sleep = sleep
        self._last_refill = clock()
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait until one call is allowed; waiting callers are served in their order."""
        async with self._turn:
            self._refill()
            while self._tokens < 1 - _ROUNDING:
                await self._sleep((1 - self._tokens) / self._per_second)
                self._refill()
            self._tokens -= 1

    def _refill(self) -> None:
        now = self._clock()
        grown = self._tokens + (now - self._last_refill) * self._per_second
        self._tokens, self._last_refill = min(self._capacity, grown), now


class Window:
    """Lets at most `limit` calls through in any `seconds`, whenever these seconds begin."""

    def __init__(
        self,
        limit: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._taken: deque[float] = deque()
        self._paused_until = float("-inf")
        self._turn = asyncio.Lock()

    async def take(self) -> None:
        """Wait until one call is allowed; waiting callers are served in their order."""
        async with self._turn:
            while (wait := self.wait_seconds()) > 0:
                await self._sleep(wait)
            self._taken.append(self._clock())

    def wait_seconds(self) -> float:
        """How long a call would have to wait now, callers before it aside."""
        now = self._clock()
        while self._taken and self._taken[0] <= now - self._seconds:
            self._taken.popleft()
        is_full = len(self._taken) >= self._limit
        opens = self._taken[0] + self._seconds if is_full else now
        return max(opens, self._paused_until) - now

    def pause(self, seconds: float) -> None:
        """Let nothing through for a while: the API has said that it counts more than we do."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
