"""Rules about ways around the rules: code, unknown types, and invalid waivers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai_policy.property_names import is_location
from kokunai_policy.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected


def _is_allowed(inspected: Inspected) -> bool:
    return inspected.context.waivers.allows_type(inspected.resource.type, inspected.context.today)


def judge_execution(inspected: Inspected) -> Iterator[Judgement]:
    """Refuse resources that run code during a deployment, because it can do anything anywhere."""
    resource = inspected.resource
    if _is_allowed(inspected):
        yield Judgement(Verdict.PASS)
        return
    yield Judgement(
        Verdict.FAIL,
        "",
        f"{resource.type} は任意のコードを実行し、行き先を検査できません。"
        f"使うには {inspected.context.waivers.file} の allowed_types に登録してください",
        f"{resource.type} runs code whose destinations cannot be checked; "
        f"to use it, list it under allowed_types in {inspected.context.waivers.file}",
    )


def judge_type(inspected: Inspected) -> Iterator[Judgement]:
    """Refuse a type that is not known and does not say its location."""
    resource = inspected.resource
    if inspected.package is not None or _is_allowed(inspected):
        yield Judgement(Verdict.PASS)
    elif not any(is_location(node.keys) for node in inspected.nodes):
        yield Judgement(
            Verdict.FAIL,
            "",
            f"{resource.type} は登録されていない種類で、設置場所の指定もありません。"
            f"調べたうえで {inspected.context.waivers.file} の allowed_types に登録してください",
            f"{resource.type} is not a known type and says nothing about its location; "
            f"examine it, then list it under allowed_types in {inspected.context.waivers.file}",
        )


def judge_waivers(inspected: Inspected) -> Iterator[Judgement]:
    """Every waiver is complete, known, in date and for a rule that can be waived.

    The facts that the project adds are checked here as well.
    """
    context = inspected.context
    problems = [*context.waivers.problems(context.today), *context.facts.problems]
    yield from (Judgement(Verdict.FAIL, row.path, row.ja, row.en) for row in problems)
    if not problems:
        yield Judgement(Verdict.PASS)
