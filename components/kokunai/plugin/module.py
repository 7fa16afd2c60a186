"""A module groups the kinds of one seller or tool; the registry holds all modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from kokunai.plugin.kind import Kind
    from kokunai.plugin.settings import Section


def _nothing() -> None:
    """The default of `Module.start`."""


async def _nothing_open() -> None:
    """The default of `Module.close`."""


@dataclass(frozen=True)
class Module:
    """The kinds of one Pulumi module, with their part of the configuration and their life cycle.

    `kokunai:sakura:Server` belongs to the module `sakura`.
    """

    name: str
    kinds: tuple[Kind, ...]
    section: Section | None = None
    """Its part of the provider's configuration."""
    start: Callable[[], None] = _nothing
    """Called once when the plugin's process starts."""
    close: Callable[[], Awaitable[None]] = _nothing_open
    """Called once when the process ends, to close connections."""


class Registry:
    """All modules of a plugin, and their kinds by Pulumi type.

    Raises ValueError for a type that is registered twice or belongs to another module.
    """

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules = tuple(modules)
        self.kinds: dict[str, Kind] = {}
        for module in self.modules:
            for kind in module.kinds:
                self._add(module, kind)

    def _add(self, module: Module, kind: Kind) -> None:
        if kind.pulumi_type.split(":")[1] != module.name:
            raise ValueError(f"{kind.pulumi_type} does not belong to the module {module.name}")
        if kind.pulumi_type in self.kinds:
            raise ValueError(f"{kind.pulumi_type} is registered twice")
        self.kinds[kind.pulumi_type] = kind

    @property
    def sections(self) -> tuple[Section, ...]:
        """The parts of the provider's configuration, one for each module that has any."""
        return tuple(module.section for module in self.modules if module.section)

    def start(self) -> None:
        """Start all modules, before the first call of the engine."""
        for module in self.modules:
            module.start()

    async def close(self) -> None:
        """Close all modules, after the last call of the engine."""
        for module in self.modules:
            await module.close()
