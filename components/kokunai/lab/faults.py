"""Injects faults into calls on demand, before or after their effect, and counts all calls."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger(__name__)
_KINDS = ("status", "reset", "delay")
_MOMENTS = ("before", "after")
_API_VERSION = re.compile(r"^.*?/(?:v\d+(?:\.\d+)*|\d+\.\d+)/")
_ID = re.compile(r"/\d+")
ErrorResponse = Callable[[str, int, str, str], "Response"]
"""From path, status, code (empty for the usual one) and message to an API's own refusal."""


@dataclass
class Fault:
    """Which calls fail, and how; the first active fault that fires decides about a call."""

    kind: str = "status"
    """status answers with an error, reset cuts the connection, delay only waits."""
    status: int = 503
    rate: float = 1.0
    when: str = "before"
    """before: the call has no effect; after: it has, but the client does not learn of it."""
    method: str = ""
    path: str = ""
    """Regular expression searched in the path; empty is every path."""
    delay_seconds: float = 0.0
    skip: int = 0
    """How many calls that it would fire at go through first: 6 is the seventh call."""
    count: int | None = None
    """How often it fires at most; None is without limit."""
    seed: int = 0
    error_code: str = ""
    error_msg: str = ""
    fired: int = 0
    skipped: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    @classmethod
    def parse(cls, body: Any) -> Fault:
        """The fault of a JSON body. Raises ValueError or TypeError saying what is wrong."""
        if not isinstance(body, dict):
            raise TypeError("a fault is a JSON object")
        allowed = {field_.name for field_ in fields(cls)} - {"fired", "skipped", "dice"}
        unknown = set(body) - allowed
        if unknown:
            raise ValueError(f"unknown: {sorted(unknown)}; allowed: {sorted(allowed)}")
        fault = cls(**body)
        fault._check()
        fault.dice = random.Random(fault.seed)  # noqa: S311 - repeatable dice, not a secret
        return fault

    def _check(self) -> None:
        texts = (self.kind, self.when, self.method, self.path, self.error_code, self.error_msg)
        numbers = (self.rate, self.delay_seconds, self.status, self.skip, self.count or 0)
        if not all(isinstance(value, str) for value in texts):
            raise TypeError("kind, when, method, path, error_code, error_msg: text")
        if not all(isinstance(value, (int, float)) for value in numbers):
            raise TypeError("rate, delay_seconds, status, skip, count: numbers")
        if self.kind not in _KINDS or self.when not in _MOMENTS:
            raise ValueError(f"kind: {_KINDS}; when: {_MOMENTS}")
        if not 0 <= self.rate <= 1 or self.status not in range(200, 600):
            raise ValueError("rate: 0-1; status: 200-599")
        try:
            re.compile(self.path)
        except re.error as problem:
            raise ValueError(f"path: {problem}") from None

    def fires(self, method: str, path: str) -> bool:
        """Whether this call fails; if so, one of `count` is used up."""
        if self.count is not None and self.fired >= self.count:
            return False
        if self.method and self.method.upper() != method:
            return False
        if self.path and not re.search(self.path, path):
            return False
        if self.dice.random() >= self.rate:
            return False
        if self.skipped < self.skip:
            self.skipped += 1
            return False
        self.fired += 1
        return True

    def view(self) -> dict[str, Any]:
        """The fault as `/_lab/faults` shows it."""
        return {key: value for key, value in asdict(self).items() if key != "dice"}


class CallCounter:
    """Counts the calls since the start, refused ones included, so that a test can see the pace."""

    def __init__(self) -> None:
        self._by_call: Counter[str] = Counter()
        self._recent: deque[float] = deque()
        self._busiest = 0

    def count(self, method: str, path: str) -> None:
        """Count a call such as `POST server`; the path up to the API's version is left out."""
        moment = time.monotonic()
        self._by_call[f"{method} {_ID.sub('/{id}', _API_VERSION.sub('', path))}"] += 1
        self._recent.append(moment)
        while self._recent[0] < moment - 1:
            self._recent.popleft()
        self._busiest = max(self._busiest, len(self._recent))

    def view(self) -> dict[str, Any]:
        """The counts as `/_lab/state` shows them."""
        return {
            "total": sum(self._by_call.values()),
            "most_in_one_second": self._busiest,
            "by_call": dict(sorted(self._by_call.items())),
        }


class Faults:
    """The outermost layer of the application; calls of the lab's own paths never fail."""

    def __init__(self, app: ASGIApp, error_response: ErrorResponse) -> None:
        self._app = app
        self._error_response = error_response
        self.active: list[Fault] = []
        self.call_counter = CallCounter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._choose(scope)
        if fault is None:
            await self._app(scope, receive, send)
            return
        _LOG.info("fault: %s %s %s %s", fault.kind, fault.when, scope["method"], scope["path"])
        if fault.kind == "delay":
            await self._delay(fault, scope, receive, send)
            return
        await asyncio.sleep(fault.delay_seconds)
        if fault.when == "after":
            await self._app(scope, receive, _swallow)
        if fault.kind == "reset":
            await _reset(send)
        else:
            message = fault.error_msg or "要求された障害です。 A fault on demand."
            refusal = self._error_response(scope["path"], fault.status, fault.error_code, message)
            await refusal(scope, receive, send)

    async def _delay(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """The call works, and its effect (`before`) or only its answer (`after`) comes late."""
        if fault.when == "before":
            await asyncio.sleep(fault.delay_seconds)
            await self._app(scope, receive, send)
            return

        async def late(message: Message) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(fault.delay_seconds)
            await send(message)

        await self._app(scope, receive, late)

    def _choose(self, scope: Scope) -> Fault | None:
        if scope["type"] != "http" or scope["path"].startswith("/_lab/"):
            return None
        self.call_counter.count(scope["method"], scope["path"])
        for fault in self.active:
            if fault.fires(scope["method"], scope["path"]):
                return fault
        return None


async def _swallow(_: Message) -> None:
    """Discard the answer, which the client must not receive."""


async def _reset(send: Send) -> None:
    """Reset the connection instead of answering; the object of the method `send` has the socket."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # uvicorn has to notice the closed connection first; else it logs that an answer is missing.
    await asyncio.sleep(0.01)
