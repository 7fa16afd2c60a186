"""Waiting and repeating, on a clock of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kokunai.drivers.errors import (
    Busy,
    Conflict,
    NotFound,
    RateLimited,
    Refused,
    Seller,
    StillCreating,
    Unavailable,
)
from kokunai.plugin import waiting
from kokunai.plugin.kind import Cancelled
from kokunai.plugin.sakura.session import id_of, ready
from kokunai.plugin.waiting import Waiting
from support.operation import Clocked

SELLER = Seller(ja="見本屋", en="Sample")


async def _for_ever() -> None:
    await asyncio.Event().wait()


class Answers:
    """Raises or returns one after the other."""

    def __init__(self, *answers: Any) -> None:
        self.left = list(answers)
        self.asked = 0

    async def __call__(self, *_: Any) -> Any:
        self.asked += 1
        answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def op() -> Clocked:
    return Clocked()


def waits(op: Clocked) -> Waiting:
    return Waiting(op)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Busy, RateLimited, Unavailable, StillCreating])
async def test_a_failure_that_passes_is_waited_out(op: Clocked, kind: Any) -> None:
    ask = Answers(kind(SELLER, "GET x", 503), kind(SELLER, "GET x", 503), "done")

    assert await waits(op).call(ask) == "done"
    assert len(op.slept) == 2


@pytest.mark.parametrize("kind", [Refused, Conflict, NotFound])
async def test_a_refusal_is_not_repeated(op: Clocked, kind: Any) -> None:
    ask = Answers(kind(SELLER, "PUT x", 400))

    with pytest.raises(kind):
        await waits(op).call(ask)

    assert ask.asked == 1


async def test_the_api_is_not_asked_before_the_time_it_names(op: Clocked) -> None:
    limited = RateLimited(SELLER, "GET x", 429)
    limited.retry_after_seconds = 7.0

    await waits(op).call(Answers(limited, "done"))

    assert op.slept == [7.0]


async def test_an_api_that_stays_silent_is_given_up(op: Clocked) -> None:
    ask = Answers(Unavailable(SELLER, "GET x", 0))

    with pytest.raises(Unavailable):
        await waits(op).call(ask)

    assert ask.asked == 10


@pytest.mark.parametrize("kind", [Busy, RateLimited, Unavailable])
async def test_a_preview_does_not_wait_long_for_what_it_can_do_without(
    op: Clocked, kind: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(op, "preview", True)
    ask = Answers(kind(SELLER, "GET x", 429))

    with pytest.raises(kind):
        await waits(op).call(ask)

    assert ask.asked == 3


async def test_a_post_is_repeated_only_after_looking(op: Clocked) -> None:
    post, find = Answers(Unavailable(SELLER, "POST switch", 0)), Answers(None, {"ID": "1"})

    made = await waits(op).make(post, ready({}), find)

    assert made == {"ID": "1"}
    assert (post.asked, find.asked) == (1, 2)


@pytest.mark.parametrize("is_unrecorded", [True, False])
async def test_what_the_state_does_not_know_is_not_taken_over_in_silence(
    op: Clocked, is_unrecorded: bool
) -> None:
    post, body = Answers({}), Answers({})

    await waits(op).make(post, body, Answers({"ID": "7"}), id_of if is_unrecorded else None)

    assert (post.asked, body.asked) == (0, 0)
    assert any("taking over 7" in one for one in op.infos) is is_unrecorded


async def test_a_removal_waits_while_it_is_in_use_and_gone_is_success(op: Clocked) -> None:
    in_use = Conflict(SELLER, "DELETE switch/1", 409, "disconnect_b4_delete", "in use")

    await waits(op).when_free(Answers(in_use, in_use, NotFound(SELLER, "DELETE switch/1", 404)))

    assert len(op.slept) == 2
    assert "in use" in op.statuses[0]


async def test_a_conflict_with_the_wanted_state_is_success(op: Clocked) -> None:
    connected = Conflict(SELLER, "PUT x", 409, "res_already_connected")

    await waits(op).ensure(Answers(connected), Answers(True))
    with pytest.raises(Conflict):
        await waits(op).ensure(Answers(connected), Answers(False))


async def test_a_wait_of_hours_neither_overflows_nor_grows(op: Clocked) -> None:
    await waits(op).back_off(Busy(SELLER, "GET x", 423), 5000)

    assert 0 < op.slept[0] <= waiting._LONGEST_WAIT_SECONDS


async def test_a_time_out_says_what_it_waited_for(op: Clocked, monkeypatch: Any) -> None:
    in_use = Conflict(
        SELLER, "DELETE switch/1", 409, "disconnect_b4_delete", "a server is connected"
    )

    async def sleep(seconds: float) -> None:
        if seconds > 1e6:
            await _for_ever()
        if seconds:
            raise TimeoutError("time is up")

    monkeypatch.setattr(op, "sleep", sleep)

    with pytest.raises(TimeoutError, match=r"(?s)time is up.*DELETE switch/1.*is connected"):
        await waits(op).when_free(Answers(in_use))


async def test_a_cancel_reaches_a_call_that_does_not_end(op: Clocked, monkeypatch: Any) -> None:
    monkeypatch.setattr("kokunai.plugin.waiting._CANCEL_GRACE_SECONDS", 0.05)

    async def sleep(seconds: float) -> None:
        if seconds:
            raise Cancelled

    monkeypatch.setattr(op, "sleep", sleep)

    with pytest.raises(Cancelled):
        await waits(op).once(_for_ever)  # type: ignore[arg-type]
