"""Faults on demand: errors, resets and delays, before or after the call had its effect."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import socket
import struct
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from kokunai.lab.catalogue import data

from .errors import error_body
from .tally import Tally

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOG = logging.getLogger(__name__)
_KINDS = ("status", "reset", "delay")
_MOMENTS = ("before", "after")


@dataclass
class Fault:
    """One rule; the first rule that fires on a call decides about it."""

    kind: str = "status"
    """status answers with an error, reset cuts the connection, delay only waits."""
    status: int = 503
    rate: float = 1.0
    when: str = "before"
    """before: the call has no effect; after: it has, and the client does not learn of it."""
    method: str = ""
    path: str = ""
    """Regular expression searched in the path; empty is every path."""
    delay_seconds: float = 0.0
    count: int | None = None
    """How often it fires at most."""
    seed: int = 0
    error_code: str = ""
    error_msg: str = ""
    fired: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    @classmethod
    def parse(cls, body: Any) -> Fault:
        """ValueError or TypeError names what is wrong."""
        if not isinstance(body, dict):
            raise TypeError("a fault is a JSON object")
        allowed = {each.name for each in fields(cls)} - {"fired", "dice"}
        unknown = set(body) - allowed
        if unknown:
            raise ValueError(f"unknown: {sorted(unknown)}; allowed: {sorted(allowed)}")
        fault = cls(**body)
        fault._check()
        # Repeatable dice for tests, not secrets.
        fault.dice = random.Random(fault.seed)  # noqa: S311
        return fault

    def _check(self) -> None:
        texts = (self.kind, self.when, self.method, self.path, self.error_code, self.error_msg)
        numbers = (self.rate, self.delay_seconds, self.status, self.count or 0)
        if not all(isinstance(value, str) for value in texts):
            raise TypeError("kind, when, method, path, error_code, error_msg: text")
        if not all(isinstance(value, (int, float)) for value in numbers):
            raise TypeError("rate, delay_seconds, status, count: numbers")
        if self.kind not in _KINDS or self.when not in _MOMENTS:
            raise ValueError(f"kind: {_KINDS}; when: {_MOMENTS}")
        if not 0 <= self.rate <= 1 or self.status not in range(200, 600):
            raise ValueError("rate: 0-1; status: 200-599")
        try:
            re.compile(self.path)
        except re.error as problem:
            raise ValueError(f"path: {problem}") from None

    def fires(self, method: str, path: str) -> bool:
        if self.count is not None and self.fired >= self.count:
            return False
        if self.method and self.method.upper() != method:
            return False
        if self.path and not re.search(self.path, path):
            return False
        if self.dice.random() >= self.rate:
            return False
        self.fired += 1
        return True

    def view(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "dice"}

    def response(self) -> JSONResponse:
        codes = {row["status"]: code for code, row in reversed(data("errors")["codes"].items())}
        code = self.error_code or codes.get(self.status, "unknown")
        message = self.error_msg or "要求された障害です。 A fault on demand."
        return JSONResponse(error_body(self.status, code, message), self.status)


class Faults:
    """Outermost layer of the application; the lab's own paths never fail."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.rules: list[Fault] = []
        self.tally = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._choose(scope)
        if fault is None:
            await self._app(scope, receive, send)
            return
        _LOG.info("fault: %s %s %s %s", fault.kind, fault.when, scope["method"], scope["path"])
        await asyncio.sleep(fault.delay_seconds)
        if fault.kind == "delay":
            await self._app(scope, receive, send)
            return
        if fault.when == "after":
            await self._app(scope, receive, _swallow)
        if fault.kind == "reset":
            await _reset(send)
        else:
            await fault.response()(scope, receive, send)

    def _choose(self, scope: Scope) -> Fault | None:
        if scope["type"] != "http" or scope["path"].startswith("/_lab/"):
            return None
        self.tally.count(scope["method"], scope["path"])
        for rule in self.rules:
            if rule.fires(scope["method"], scope["path"]):
                return rule
        return None


async def _swallow(_: Message) -> None:
    """Where the answer goes that the client never sees."""


async def _reset(send: Send) -> None:
    """RST instead of an answer; uvicorn's send is a method of what knows the socket."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # The server must see the closed connection before this returns, or it reports a missing answer.
    await asyncio.sleep(0.01)
