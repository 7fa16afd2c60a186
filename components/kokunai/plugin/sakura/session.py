"""Waiting, back-off and repeatability around single calls of the Sakura driver."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

from kokunai.drivers.sakura_errors import (
    Conflict,
    NotFound,
    Passing,
    SakuraError,
    StillCreating,
    Unavailable,
)
from kokunai.plugin.kind import Cancelled
from kokunai.plugin.serving.answers import said

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from kokunai.drivers.sakura_iaas import Collection, Item, SakuraIaas
    from kokunai.plugin.kind import Operation

T = TypeVar("T")

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0
_MOST_DOUBLINGS = 10
"""A wait of days must not overflow."""
_SILENT_ATTEMPTS = 10
"""How often in a row an API that does not answer is asked: about a minute."""
_PREVIEW_ATTEMPTS = 3
_CANCEL_GRACE_SECONDS = 3.0
"""A call that makes something may end after a cancel, so that its id is not lost."""
_FIRST_POLL_SECONDS = 0.3
_LONGEST_POLL_SECONDS = 5.0
_GROWTH = 1.5
_SAY_AGAIN_SECONDS = 10.0


class Session:
    """What one operation does in one zone."""

    def __init__(self, api: SakuraIaas, op: Operation, zone: str) -> None:
        self.api = api
        self.op = op
        self.zone = zone

    async def call(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """A call that may be repeated, until it answers or a failure does not pass."""
        attempt = 0
        while True:
            try:
                return await self.once(ask)
            except (Passing, StillCreating) as error:
                await self.back_off(error, attempt)
                attempt += 1

    async def make(
        self,
        what: Collection,
        body: Callable[[], Awaitable[Item]],
        find: Callable[[], Awaitable[Item | None]],
        *,
        is_unrecorded: bool = False,
    ) -> Item:
        """Make one thing once: `find` looks for what an earlier try may have made.

        What `body` has to ask or to refuse concerns only what is still to be made: an interrupted
        create may have taken the last one that was sold. `is_unrecorded` says that the state has
        no such thing yet, so that one that is there must be told of.
        """
        attempt = 0
        while True:
            found = await find()
            if found is not None:
                if is_unrecorded and attempt == 0:
                    self._tell_of(found)
                return found
            wanted = await body()
            try:
                return await self._post(what, wanted)
            except (Passing, StillCreating) as error:
                await self.back_off(error, attempt)
                attempt += 1

    async def _post(self, what: Collection, body: Item) -> Item:
        return await self.once(lambda: self.api.create(what, self.zone, body))

    def _tell_of(self, found: Item) -> None:
        """Stacks of one name in one account would meet here; nobody else may own it."""
        self.op.info(
            f"{found['ID']} を引き継ぎます。前の実行が作り、記録する前に止まったものです / "
            f"taking over {found['ID']}, which an earlier run made and did not record"
        )

    async def tagged(self, what: Collection) -> list[Item]:
        """What carries this operation's digest, oldest first."""
        found = await self.call(lambda: self.api.find_tagged(what, self.zone, self.op.digest))
        return sorted(found, key=lambda item: str(item["ID"]))

    async def first_tagged(self, what: Collection) -> Item | None:
        """The one that carries this operation's digest."""
        return next(iter(await self.tagged(what)), None)

    async def all(self, what: Collection) -> list[Item]:
        """Everything of a sort in the zone."""
        return await self.call(lambda: self.api.find(what, self.zone))

    async def read(self, what: Collection, item_id: str) -> Item | None:
        """One as it is now, or None."""
        try:
            return await self.call(lambda: self.api.read(what, self.zone, item_id))
        except NotFound:
            return None

    async def update(self, what: Collection, item_id: str, body: Item) -> Item:
        """Change what the body names."""
        return await self.call(lambda: self.api.update(what, self.zone, item_id, body))

    async def delete(self, what: Collection, item_id: str) -> None:
        """Remove one, waiting while something else still uses it; absent is success."""
        await self.when_free(lambda: self.call(lambda: self.api.delete(what, self.zone, item_id)))

    async def ensure(
        self, ask: Callable[[], Coroutine[Any, Any, None]], is_so: Callable[[], Awaitable[bool]]
    ) -> None:
        """A call that conflicts when its effect is there already, from a try without an answer."""
        try:
            await self.call(ask)
        except Conflict:
            if not await is_so():
                raise

    async def when_free(self, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A removal that is asked for again while the API says it is in use."""
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
        """Look again and again until `done`, saying how far it is."""
        wait, spoken = _FIRST_POLL_SECONDS, ("", 0.0)
        while True:
            seen = await look()
            if done(seen):
                return seen
            spoken = self._say(say(seen), spoken)
            await self.op.sleep(wait)
            wait = min(wait * _GROWTH, _LONGEST_POLL_SECONDS)

    def _say(self, text: str, spoken: tuple[str, float]) -> tuple[str, float]:
        """A log without a terminal keeps every line: the same one only now and then."""
        now = time.monotonic()
        if text == spoken[0] and now - spoken[1] < _SAY_AGAIN_SECONDS:
            return spoken
        self.op.status(text)
        return text, now

    async def once(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """One call, given up when the engine cancels or time is up."""
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

    async def back_off(self, error: SakuraError, attempt: int) -> None:
        """Wait before the next try, or raise when there have been enough."""
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
            raise TimeoutError(f"{late}\n{said(error)}") from error

    @property
    def _attempts(self) -> int:
        return _PREVIEW_ATTEMPTS if self.op.preview else _SILENT_ATTEMPTS


def ready(body: Item) -> Callable[[], Awaitable[Item]]:
    """A body that needs no asking."""

    async def answer() -> Item:
        return body

    return answer


async def _drop(*tasks: asyncio.Future[Any]) -> None:
    """Leave no task behind, and no exception unread."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, Cancelled, TimeoutError, SakuraError):
            await task
