"""Counts verdicts: what a stack shows of them, while their full list is in the state."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VERDICTS = ("pass", "fail", "not-verified")


def counts(verified: Mapping[str, Mapping[str, Any]] | None) -> dict[str, int]:
    """Checks by verdict, over all hosts; a host without a check counts as one not verified."""
    found: Counter[str] = Counter()
    for checks in (verified or {}).values():
        found.update(str(check.get("verdict")) for check in checks.values())
        found["not-verified"] += not checks
    return {verdict: found[verdict] for verdict in VERDICTS}


def digest(verified: Mapping[str, Mapping[str, Any]] | None) -> str:
    """One short line, for example `10 pass, 0 fail, 6 not-verified`."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts(verified).items())
