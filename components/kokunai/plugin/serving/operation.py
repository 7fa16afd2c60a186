"""Implements `Operation` for the server: resource, time limit, log and cancellation."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kokunai.plugin.kind import Cancelled, mark_of
from kokunai.plugin.serving.engine_log import INFO, WARNING, EngineLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class EngineOperation:
    """The `Operation` of the server; `stop` is shared by all and set when the engine cancels."""

    urn: str
    config: Mapping[str, Any]
    engine_log: EngineLog
    stop: asyncio.Event
    timeout_seconds: float
    preview: bool = False
    owner: str = ""
    is_recorded: bool = False
    held: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By URN, the ids that the state has, as far as the engine has named them."""
    mask: Callable[[str], str] = str
    """Replaces secrets in a message."""
    name: str = field(init=False)
    stack: str = field(init=False)
    project: str = field(init=False)
    place: str = field(init=False)
    digest: str = field(init=False)
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        """Take the name from the URN, `urn:pulumi:STACK::project::type::name`."""
        parts = [*self.urn.split("::"), "", ""]
        self.stack, self.project = parts[0].removeprefix("urn:pulumi:"), parts[1]
        self.name = self.urn.rpartition("::")[2]
        self.place = mark_of(self.urn)
        # Versions without owners marked with the digest of the URN alone.
        self.digest = mark_of(self.place, self.owner) if self.owner else self.place
        self._deadline = time.monotonic() + self.timeout_seconds

    def is_held_elsewhere(self, id_: str) -> bool:
        """Whether the state has this id under another URN, as after a renaming."""
        return any(id_ in ids for urn, ids in self.held.items() if urn != self.urn)

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
