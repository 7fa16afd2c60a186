"""Limits how many calls per second an API gets from this process."""

from __future__ import annotations

import asyncio
import time
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
