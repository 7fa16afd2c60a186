"""Domestic-data rules as pure functions; Pulumi enters only in policies/__main__.py."""

from kokunai_policy.judgement import guard, judge, outcomes
from kokunai_policy.model import (
    STACK_TYPE,
    Context,
    Finding,
    Judgement,
    Level,
    Resource,
    StateStore,
    Verdict,
)
from kokunai_policy.project import state_store

__all__ = [
    "STACK_TYPE",
    "Context",
    "Finding",
    "Judgement",
    "Level",
    "Resource",
    "StateStore",
    "Verdict",
    "guard",
    "judge",
    "outcomes",
    "state_store",
]
