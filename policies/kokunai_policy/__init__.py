"""Domestic-data rules as pure functions; Pulumi enters only in policies/__main__.py."""

from kokunai_policy.judgement import guard, judge, outcomes
from kokunai_policy.model import (
    Context,
    Finding,
    Judgement,
    Level,
    Resource,
    StateStore,
    Verdict,
)

__all__ = [
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
]
