"""Repeats, times out and cancels single calls of a driver, the same way for every seller."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from kokunai.drivers.errors import (
    Conflict,
    DriverError,
    NotFound,
    Passing,
    StillCreating,
    Unavailable,
)
from kokunai.plugin.kind import Cancelled
from kokunai.plugin.messages import api_failure_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from kokunai.plugin.kind import Operation

T = TypeVar("T")

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0
_MOST_DOUBLINGS = 10
"""Doublings after which the wait stays the same, so that the power cannot overflow."""
_SILENT_ATTEMPTS = 10
"""Calls in a row to an API that does not answer before giving up, in about a minute."""
_PREVIEW_ATTEMPTS = 3
_CANCEL_GRACE_SECONDS = 3.0
"""How long a running call may still take after a cancel, so that a new id is not lost."""
_FIRST_POLL_SECONDS = 0.3
_LONGEST_POLL_SECONDS = 5.0
_GROWTH = 1.5
_SAY_AGAIN_SECONDS = 10.0


class Waiting:
    """The calls of one operation, repeated after temporary failures until a cancel or a timeout."""

    def __init__(self, op: Operation) -> None:
        self.op = op

    async def call(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Repeat a call until it succeeds. Raises the first failure that is not temporary."""
        attempt = 0
        while True:
            try:
                return await self.once(ask)
            except (Passing, StillCreating) as error:
                await self.back_off(error, attempt)
                attempt += 1

    async def make(
        self,
        post: Callable[[Any], Coroutine[Any, Any, T]],
        body: Callable[[], Awaitable[Any]],
        find: Callable[[], Awaitable[T | None]],
        unrecorded_id: Callable[[T], str] | None = None,
    ) -> T:
        """Make one thing once: `find` looks for what an earlier try may have made.

        `body` is asked for only where there is something to make: what it has to ask or to refuse
        must not stop an interrupted create that already took the last one that was sold.
        `unrecorded_id` is given where the state has no such thing yet: one that `find` sees at the
        first look is then named to the user.
        """
        attempt = 0
        while True:
            left = await find()
            if left is not None:
                if unrecorded_id is not None and attempt == 0:
                    self.tell_of(unrecorded_id(left))
                return left
            wanted = await body()
            try:
                return await self.once(partial(post, wanted))
            except (Passing, StillCreating) as error:
                await self.back_off(error, attempt)
                attempt += 1

    def tell_of(self, left_id: str) -> None:
        """Say that an existing resource is or will be adopted instead of a new one made."""
        self.op.info(
            f"{left_id} を引き継ぎます。前の実行が作り、記録する前に止まったものです / "
            f"taking over {left_id}, which an earlier run made and did not record"
        )

    async def ensure(
        self, ask: Callable[[], Coroutine[Any, Any, None]], is_so: Callable[[], Awaitable[bool]]
    ) -> None:
        """Make a call whose conflict may mean that an earlier, unanswered try took effect."""
        try:
            await self.call(ask)
        except Conflict:
            if not await is_so():
                raise

    async def when_free(self, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Make a call that removes something, again while the API says that it is in use."""
        attempt = 0
        while True:
            try:
                return await ask()
            except NotFound:
                return None
            except Conflict as error:
                self.op.status(f"まだ使われています / still in use: {error.message or error.code}")
                await self.back_off(error, attempt)
                attempt += 1

    async def until(
        self,
        look: Callable[[], Awaitable[T]],
        done: Callable[[T], bool],
        say: Callable[[T], str],
    ) -> T:
        """Call `look` until its result is `done`; shows the text of `say` meanwhile."""
        wait, last_told = _FIRST_POLL_SECONDS, ("", 0.0)
        while True:
            state = await look()
            if done(state):
                return state
            last_told = self._tell_rarely(say(state), last_told)
            await self.op.sleep(wait)
            wait = min(wait * _GROWTH, _LONGEST_POLL_SECONDS)

    def _tell_rarely(self, text: str, last_told: tuple[str, float]) -> tuple[str, float]:
        """Show `text` unless the same text was shown a moment ago; returns what was shown when.

        A log without a terminal keeps every line, so repeated lines would fill it.
        """
        now = time.monotonic()
        if text == last_told[0] and now - last_told[1] < _SAY_AGAIN_SECONDS:
            return last_told
        self.op.status(text)
        return text, now

    async def once(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Make one call. Raises Cancelled or TimeoutError when it has to be given up."""
        await self.op.sleep(0)
        call = asyncio.ensure_future(ask())
        clock = asyncio.ensure_future(self.op.sleep(self.op.remaining_seconds()))
        try:
            await asyncio.wait({call, clock}, return_when=asyncio.FIRST_COMPLETED)
            if not call.done():
                await asyncio.wait({call}, timeout=_CANCEL_GRACE_SECONDS)
            if not call.done():
                await clock  # raises Cancelled or TimeoutError
            return call.result()
        finally:
            await _drop(call, clock)

    async def back_off(self, error: DriverError, attempt: int) -> None:
        """Wait before the next try. Raises `error` after too many tries."""
        limited = Passing if self.op.preview else Unavailable
        if isinstance(error, limited) and attempt + 1 >= self._attempts:
            raise error
        doublings = min(attempt, _MOST_DOUBLINGS)
        longest = min(_FIRST_WAIT_SECONDS * 2**doublings, _LONGEST_WAIT_SECONDS)
        wait = random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret
        if attempt >= 1:
            self.op.status(f"API を待っています / waiting for the API: {error.status} {error.code}")
        try:
            await self.op.sleep(max(wait, error.retry_after_seconds or 0.0))
        except TimeoutError as late:
            raise TimeoutError(f"{late}\n{api_failure_text(error)}") from error

    @property
    def _attempts(self) -> int:
        return _PREVIEW_ATTEMPTS if self.op.preview else _SILENT_ATTEMPTS


async def _drop(*tasks: asyncio.Future[Any]) -> None:
    """Cancel the tasks and wait for them, so that no exception stays unread."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, Cancelled, TimeoutError, DriverError):
            await task
