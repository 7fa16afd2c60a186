"""The pace of calls, on a clock of its own."""

from __future__ import annotations

import asyncio

import pytest

from kokunai.drivers.limiter import TokenBucket


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_ten_calls_go_at_once_and_then_ten_a_second() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock, clock.sleep)

    await asyncio.gather(*(bucket.take() for _ in range(10)))
    assert clock.now == 0.0
    await asyncio.gather(*(bucket.take() for _ in range(30)))

    assert clock.now == pytest.approx(3.0)


async def test_a_pause_does_not_save_more_than_one_burst() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock, clock.sleep)

    clock.now = 100.0
    await asyncio.gather(*(bucket.take() for _ in range(20)))

    assert clock.now == pytest.approx(101.0)


def test_a_pace_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        TokenBucket(0)
