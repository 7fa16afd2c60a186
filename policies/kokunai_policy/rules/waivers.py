"""Exceptions are few, short-lived and well founded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai_policy.model import STACK_TYPE, Inspected, Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator


def judge_hygiene(seen: Inspected) -> Iterator[Judgement]:
    """Every waiver is complete, known, in date and for a rule that can be waived."""
    if seen.resource.type != STACK_TYPE:
        return
    problems = seen.context.waivers.problems(seen.context.today)
    yield from (Judgement(Verdict.FAIL, one.path, one.ja, one.en) for one in problems)
    if not problems:
        yield Judgement(Verdict.PASS)
