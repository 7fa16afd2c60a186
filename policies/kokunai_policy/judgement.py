"""Runs the rules on a resource; every verdict but pass and not-applicable is a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.errors import KokunaiError
from kokunai.language import worded
from kokunai_policy.levels import Level
from kokunai_policy.resource import Inspected, Resource
from kokunai_policy.rulebook import Rule, rules, rules_for
from kokunai_policy.verdicts import Finding, Judgement, Verdict, how_to_waive
from kokunai_policy.waiver_places import stack_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kokunai_policy.context import Context
    from kokunai_policy.waivers import Waiver

_FINDINGS = frozenset({Verdict.FAIL, Verdict.UNKNOWN, Verdict.ERROR})


def outcomes(resource: Resource, context: Context) -> dict[str, list[Judgement]]:
    """The judgements of every rule on the resource, passes and not-applicable included."""
    inspected = Inspected(resource, context)
    said = {rule: [Judgement(Verdict.NOT_APPLICABLE)] for rule in rules()}
    for rule in rules_for(resource.type, custom=resource.custom):
        said[rule.id] = _judged(rule, inspected) or said[rule.id]
    return said


def _judged(rule: Rule, inspected: Inspected) -> list[Judgement]:
    said: list[Judgement] = []
    try:
        # Collected one by one, so that earlier judgements are kept if the rule raises.
        said.extend(rule.judge(inspected))
    except Exception as error:  # noqa: BLE001 - a rule that raises must refuse the resource
        kind = type(error).__name__
        said.append(
            Judgement(
                Verdict.ERROR,
                "",
                f"規則の判定に失敗しました（{kind}）。この規則の不具合として報告してください",
                f"the rule broke ({kind}); please report it as a bug of the rule",
            )
        )
    return said


def judge(resource: Resource, context: Context) -> list[Finding]:
    """All findings on the resource, each once; a waived finding has its waiver."""
    inspected = Inspected(resource, context)
    findings: dict[tuple[str, str, str], Finding] = {}
    for rule in rules_for(resource.type, custom=resource.custom):
        for judgement in _judged(rule, inspected):
            key = (rule.id, judgement.path, judgement.ja)
            if judgement.verdict in _FINDINGS and key not in findings:
                findings[key] = _finding(rule, judgement, resource, context)
    return list(findings.values())


def _finding(rule: Rule, said: Judgement, resource: Resource, context: Context) -> Finding:
    return Finding(
        rule=rule.id,
        level=rule.level,
        verdict=said.verdict,
        path=said.path,
        ja=said.ja,
        en=said.en,
        type=resource.type,
        name=resource.name,
        urn=resource.urn,
        stack=stack_of(resource.urn) or context.stack.partition("::")[0],
        waiver=_waiver(rule, resource, context),
        file=context.waivers.file,
        beside=context.waivers.beside,
    )


def _waiver(rule: Rule, resource: Resource, context: Context) -> Waiver | None:
    """The valid waiver for this rule on this resource; None for critical rules."""
    if rule.level is Level.CRITICAL:
        return None
    for waiver in context.waivers.valid(context.today):
        if waiver.covers(
            rule.id,
            urn=resource.urn,
            type_=resource.type,
            name=resource.name,
            stack=context.stack,
        ):
            return waiver
    return None


def guard(resources: Iterable[Resource], context: Context) -> None:
    """Judge resources. Raises KokunaiError with every finding that is not waived, each once."""
    findings: dict[tuple[str, str, str, str], Finding] = {}
    for resource in _with_providers(resources):
        for finding in judge(resource, context):
            # Several resources share a provider, whose findings are then reported once.
            name = "" if finding.type.startswith("pulumi:providers:") else finding.name
            key = (finding.rule, f"{finding.type} {name}", finding.path, finding.ja)
            findings.setdefault(key, finding)
    refused = [finding for finding in findings.values() if finding.waiver is None]
    if refused:
        raise Refusal(refused)


def _with_providers(resources: Iterable[Resource]) -> Iterator[Resource]:
    """Each resource, followed by its provider unless that was the previous provider, too."""
    last: dict[str, Mapping[str, Any]] = {}
    for resource in resources:
        yield resource
        props, package = resource.provider_props, resource.package
        if props is None or resource.is_builtin or last.get(package) == props:
            continue
        last[package] = props
        yield Resource(f"pulumi:providers:{package}", package, props)


class Refusal(KokunaiError):
    """The error with all findings that are not waived, each once, in both languages."""

    def __init__(self, findings: list[Finding]) -> None:
        head_ja = f"国内データの規則により拒否しました（{len(findings)} 件）"
        head_en = f"refused by the domestic-data rules ({len(findings)})"
        super().__init__(
            ja="\n".join([head_ja, *(f"{_place(row)}: {row.ja}" for row in findings)]),
            en="\n".join([head_en, *(f"{_place(row)}: {row.en}" for row in findings)]),
        )
        self.findings = findings
        self._head = (head_ja, head_en)

    def __str__(self) -> str:
        """Each finding's place once, its texts below it, and what to paste for a waiver."""
        lines = [f"{worded(*self._head, ' / ')}:"]
        for row in self.findings:
            lines += [_place(row), worded(f"    {row.ja}", f"    {row.en}")]
        return "\n".join(filter(None, [*lines, how_to_waive(self.findings)]))


def _place(finding: Finding) -> str:
    head = f"  {finding.rule} ({finding.level.text})"
    if finding.place:
        return f"{head} {finding.place}"
    where = f" {finding.path}" if finding.path else ""
    return f"{head} {finding.type} {finding.name}{where}"
