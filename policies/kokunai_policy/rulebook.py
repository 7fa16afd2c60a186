"""Connects every rule to its judging function, and resources to the rules that apply."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from kokunai.catalog import facts
from kokunai_policy import rule_files
from kokunai_policy.checks import CHECKS
from kokunai_policy.levels import Level
from kokunai_policy.resource import Inspected, Resource
from kokunai_policy.rule_files import BrokenRule, RuleRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kokunai_policy.verdicts import Judgement

    Judge = Callable[[Inspected], Iterable[Judgement]]

GROUPS: Final = {
    "location": "設置場所 / location",
    "values": "値の中の地名 / places in values",
    "operator": "運用事業者 / operator",
    "labels": "データ区分 / data class",
    "time": "時刻 / time",
    "sources": "名前解決とパッケージ / names and packages",
    "state": "ステートと鍵 / state and keys",
    "escapes": "免除と検査対象外の種類 / waivers and types outside the rules",
    "components": "コンポーネントの判定 / judged by the components",
}
"""Description of each policy of the pack, which Pulumi prints before every finding."""

KINDS: Final[dict[str, Callable[[Resource], bool]]] = {
    "every": lambda _: True,
    "custom": lambda resource: resource.custom and not resource.is_builtin,
    "executing": lambda resource: not resource.is_builtin and _executes(resource.package),
    "kokunai": lambda resource: resource.is_kokunai,
    "provider": lambda resource: resource.is_provider,
}
"""The words of `applies`; they depend on the type of a resource only, never on its values."""


@dataclass(frozen=True)
class Rule:
    """A rule with its judging function, which yields nothing for a pass."""

    id: str
    level: Level
    group: str
    applies: tuple[str, ...]
    ja: str
    en: str
    judge: Judge
    good: tuple[dict[str, Any], ...]
    bad: tuple[dict[str, Any], ...]

    def concerns(self, resource: Resource) -> bool:
        """Whether the rule applies to the resource."""
        return any(
            KINDS[word](resource) if word in KINDS else word == resource.type
            for word in self.applies
        )


def _executes(package: str) -> bool:
    row = facts.packages().get(package)
    return row is not None and row.executes


@cache
def rules() -> dict[str, Rule]:
    """All rules by id, ordered by group. Raises BrokenRule."""
    order = list(GROUPS)
    ready = [_rule(row) for row in rule_files.rows()]
    return {rule.id: rule for rule in sorted(ready, key=lambda rule: order.index(rule.group))}


@lru_cache(maxsize=4096)
def rules_for(type_: str, *, custom: bool) -> tuple[Rule, ...]:
    """The rules that concern resources of this type, in the order of `rules`."""
    example = Resource(type_, "", {}, custom=custom)
    return tuple(rule for rule in rules().values() if rule.concerns(example))


def _rule(row: RuleRow) -> Rule:
    if row.group not in GROUPS:
        raise BrokenRule(f"{row.id}: no group {row.group}; allowed: {', '.join(GROUPS)}")
    for word in row.applies:
        if ":" not in word and word not in KINDS:
            raise BrokenRule(f"{row.id}: applies to {word}, which is no type and no known word")
    return Rule(
        id=row.id,
        level=Level(row.level),
        group=row.group,
        applies=tuple(row.applies),
        ja=row.ja,
        en=row.en,
        judge=_judge(row),
        good=tuple(row.good),
        bad=tuple(row.bad),
    )


def _judge(row: RuleRow) -> Judge:
    try:
        if row.check:
            return CHECKS[row.check](**row.parameters)
        module, _, function = row.judge.partition(".")
        judge: Judge = getattr(importlib.import_module(f"{__package__}.rules.{module}"), function)
    except (KeyError, TypeError, ImportError, AttributeError) as error:
        raise BrokenRule(f"{row.id}: {error!r}") from error
    return judge
