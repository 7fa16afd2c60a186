"""What the server gives a kind, without an engine: what was told is kept, and time may be quick."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from kokunai.plugin.kind import Cancelled


@dataclass
class Operation:
    """Messages stand in lists; `stop` is the engine's wish to end."""

    name: str = "train"
    stack: str = "dev"
    project: str = "kokunai"
    preview: bool = False
    place: str = "kokunai-0123456789abcdef"
    owner: str = ""
    digest: str = "kokunai-0123456789abcdef"
    is_recorded: bool = False
    seconds: float = 300.0
    infos: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    config: dict[str, str] = field(default_factory=dict)

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::kokunai::kokunai:ansible:Configuration::{self.name}"

    def is_held_elsewhere(self, _id: str) -> bool:
        return False

    def info(self, message: str) -> None:
        self.infos.append(message)

    def status(self, message: str) -> None:
        self.statuses.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def remaining_seconds(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            if seconds >= self.seconds:
                raise
        else:
            raise Cancelled


@dataclass
class Clocked(Operation):
    """An operation whose time passes only where it sleeps."""

    seconds: float = 1e9
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        if seconds > 1e6:
            await self.stop.wait()
        if seconds:
            self.slept.append(seconds)
