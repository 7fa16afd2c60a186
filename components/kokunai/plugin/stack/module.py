"""Describes the module `stack` for the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.plugin.losses import LossSettings
from kokunai.plugin.module import Module
from kokunai.plugin.settings import Section
from kokunai.plugin.stack.kind import DataHolders

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.plugin.kind import Kind


def stack(kinds: Iterable[Kind]) -> Module:
    """A new module; `kinds` are those of all other modules, which know what they hold."""
    section = Section(prefix="", model=LossSettings, environment={})
    return Module("stack", kinds=(DataHolders(kinds),), section=section)
