"""Implements `Operation` for the server: resource, time limit, log and cancellation."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kokunai.plugin.kind import Cancelled
from kokunai.plugin.serving.engine_log import INFO, WARNING, EngineLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def digest_of(urn: str) -> str:
    """The digest of a URN, with which its resource is tagged and found again."""
    return "kokunai-" + hashlib.sha256(urn.encode()).hexdigest()[:16]


@dataclass
class EngineOperation:
    """The `Operation` of the server; `stop` is shared by all and set when the engine cancels."""

    urn: str
    config: Mapping[str, Any]
    engine_log: EngineLog
    stop: asyncio.Event
    timeout_seconds: float
    preview: bool = False
    mask: Callable[[str], str] = str
    """Replaces secrets in a message."""
    name: str = field(init=False)
    stack: str = field(init=False)
    project: str = field(init=False)
    digest: str = field(init=False)
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        """Take the name from the URN, `urn:pulumi:STACK::project::type::name`."""
        parts = [*self.urn.split("::"), "", ""]
        self.stack, self.project = parts[0].removeprefix("urn:pulumi:"), parts[1]
        self.name = self.urn.rpartition("::")[2]
        self.digest = digest_of(self.urn)
        self._deadline = time.monotonic() + self.timeout_seconds

    def info(self, message: str) -> None:
        """A line that stays in the log of the run."""
        self.engine_log.write(self.urn, self.mask(message), INFO)

    def status(self, message: str) -> None:
        """A passing progress line."""
        self.engine_log.write(self.urn, self.mask(message), INFO, passing=True)

    def warn(self, message: str) -> None:
        """A warning that stays in the summary."""
        self.engine_log.write(self.urn, self.mask(message), WARNING)

    def remaining_seconds(self) -> float:
        """Time left, never below zero."""
        return max(0.0, self._deadline - time.monotonic())

    async def sleep(self, seconds: float) -> None:
        """Wait; raises Cancelled at once when the engine cancels, TimeoutError when time is up."""
        if self.stop.is_set():
            raise Cancelled
        left = self.remaining_seconds()
        try:
            await asyncio.wait_for(self.stop.wait(), min(seconds, left))
        except TimeoutError:
            if seconds >= left:
                raise TimeoutError(
                    f"{self.timeout_seconds:.0f} 秒で時間切れです"
                    "（customTimeouts で延ばせます）。\n"
                    f"Timed out after {self.timeout_seconds:.0f} s (raise it with customTimeouts)."
                ) from None
        else:
            raise Cancelled
