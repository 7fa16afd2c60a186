"""The rule that makes the pack say what the components refused before the pack could see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai_policy.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai_policy.resource import Inspected


def judge_components(inspected: Inspected) -> Iterator[Judgement]:
    """Fail where a component has recorded a refusal, which its program has explained."""
    count = inspected.resource.props.get("findings")
    if count == 0:
        yield Judgement(Verdict.PASS)
        return
    yield Judgement(
        Verdict.FAIL,
        "findings",
        f"コンポーネントが規則により拒否しました（{count or '不明'} 件）。"
        "内容はプログラムのエラーにあります",
        f"the components refused what the rules forbid ({count or 'unknown'}); "
        "the error of the program says what",
    )
