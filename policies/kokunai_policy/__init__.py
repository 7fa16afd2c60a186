"""Domestic-data rules as pure functions; Pulumi enters only in `kokunai_policy.pack`.

The names below are imported when they are first asked for: a pack must answer signals before it
imports anything that takes time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kokunai_policy.context import Context, StateStore
    from kokunai_policy.judgement import Refusal, guard, judge, outcomes
    from kokunai_policy.levels import Level
    from kokunai_policy.project import program_context, state_store
    from kokunai_policy.resource import STACK_TYPE, Resource
    from kokunai_policy.verdicts import Finding, Judgement, Verdict

__all__ = [
    "STACK_TYPE",
    "Context",
    "Finding",
    "Judgement",
    "Level",
    "Refusal",
    "Resource",
    "StateStore",
    "Verdict",
    "guard",
    "judge",
    "outcomes",
    "program_context",
    "state_store",
]

_HOMES = {
    "context": ("Context", "StateStore"),
    "judgement": ("Refusal", "guard", "judge", "outcomes"),
    "levels": ("Level",),
    "project": ("program_context", "state_store"),
    "resource": ("STACK_TYPE", "Resource"),
    "verdicts": ("Finding", "Judgement", "Verdict"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
