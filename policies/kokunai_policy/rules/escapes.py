"""Resources that no rule can see into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai_policy.model import Inspected, Judgement, Verdict
from kokunai_policy.words import is_location

if TYPE_CHECKING:
    from collections.abc import Iterator


def _is_allowed(seen: Inspected) -> bool:
    return seen.context.waivers.allows_type(seen.resource.type, seen.context.today)


def judge_execution(seen: Inspected) -> Iterator[Judgement]:
    """Code that runs during a deployment can do anything anywhere."""
    package, resource = seen.package, seen.resource
    if package is None or not package.executes or resource.is_builtin:
        return
    if _is_allowed(seen):
        yield Judgement(Verdict.PASS)
        return
    yield Judgement(
        Verdict.FAIL,
        "",
        f"{resource.type} は任意のコードを実行し、行き先を検査できません。"
        "使うには policies/waivers.yaml の allowed_types に登録してください",
        f"{resource.type} runs code whose destinations cannot be checked; "
        "to use it, list it under allowed_types in policies/waivers.yaml",
    )


def judge_type(seen: Inspected) -> Iterator[Judgement]:
    """A type is in a table, or at least says where it is."""
    resource = seen.resource
    if resource.is_builtin or not resource.custom:
        return
    if seen.package is not None or _is_allowed(seen):
        yield Judgement(Verdict.PASS)
    elif not any(is_location(node.keys) for node in seen.nodes):
        yield Judgement(
            Verdict.FAIL,
            "",
            f"{resource.type} は登録されていない種類で、設置場所の指定もありません。"
            "調べたうえで policies/waivers.yaml の allowed_types に登録してください",
            f"{resource.type} is not a known type and says nothing about its location; "
            "examine it, then list it under allowed_types in policies/waivers.yaml",
        )
