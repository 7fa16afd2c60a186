"""Runs every rule on a resource; whatever is not a clear pass is a finding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai_policy import catalogue
from kokunai_policy.model import Context, Finding, Inspected, Judgement, Resource, Verdict
from kokunai_policy.rules import JUDGES

if TYPE_CHECKING:
    from collections.abc import Iterable

_FINDINGS = frozenset({Verdict.FAIL, Verdict.UNKNOWN, Verdict.ERROR})


def outcomes(resource: Resource, context: Context) -> dict[str, list[Judgement]]:
    """What every rule says about the resource, passes and not-applicable included."""
    seen = Inspected(resource, context)
    return {rule: _said(rule, seen) for rule in catalogue.rules()}


def _said(rule: str, seen: Inspected) -> list[Judgement]:
    said: list[Judgement] = []
    try:
        # One by one: what was found before a rule breaks stays found.
        said.extend(JUDGES[rule](seen))
    except Exception as error:  # noqa: BLE001 - a rule that breaks refuses
        kind = type(error).__name__
        said.append(
            Judgement(
                Verdict.ERROR,
                "",
                f"規則の判定に失敗しました ({kind})。この規則の不具合として報告してください",
                f"the rule broke ({kind}); please report it as a bug of the rule",
            )
        )
    return said or [Judgement(Verdict.NOT_APPLICABLE)]


def judge(resource: Resource, context: Context) -> list[Finding]:
    """Every finding on the resource, each once; a waived one carries its waiver."""
    found: dict[tuple[str, str, str], Finding] = {}
    for rule, said in outcomes(resource, context).items():
        for one in said:
            if one.verdict in _FINDINGS:
                found.setdefault((rule, one.path, one.ja), _finding(rule, one, resource))

    def waived(one: Finding) -> Finding:
        return replace(one, waiver=context.waivers.waiver(one, context.today, context.stack))

    return [waived(one) for one in found.values()]


def _finding(rule: str, said: Judgement, resource: Resource) -> Finding:
    return Finding(
        rule=rule,
        level=catalogue.levels()[rule],
        verdict=said.verdict,
        path=said.path,
        ja=said.ja,
        en=said.en,
        type=resource.type,
        name=resource.name,
        urn=resource.urn,
    )


def guard(resources: Iterable[Resource], context: Context) -> None:
    """Raises KokunaiError with every finding on the resources, each once, unless waived."""
    found: dict[tuple[str, str, str, str], Finding] = {}
    for resource in resources:
        for one in (*judge(resource, context), *_provider_findings(resource, context)):
            # Resources share their provider, and its findings.
            name = "" if one.type.startswith("pulumi:providers:") else one.name
            found.setdefault((one.rule, f"{one.type} {name}", one.path, one.ja), one)
    refused = [one for one in found.values() if one.waiver is None]
    if refused:
        raise Refusal(refused)


def _provider_findings(resource: Resource, context: Context) -> list[Finding]:
    if resource.provider_props is None or resource.is_builtin:
        return []
    token = f"pulumi:providers:{resource.package}"
    return judge(Resource(token, resource.package, resource.provider_props), context)


class Refusal(KokunaiError):
    """Findings that nobody waived; as text each stands once, in both languages."""

    def __init__(self, findings: list[Finding]) -> None:
        head_ja = f"国内データの規則により拒否しました({len(findings)} 件)"
        head_en = f"refused by the domestic-data rules ({len(findings)})"
        super().__init__(
            ja="\n".join([head_ja, *(f"{_place(one)}: {one.ja}" for one in findings)]),
            en="\n".join([head_en, *(f"{_place(one)}: {one.en}" for one in findings)]),
        )
        self.findings = findings
        self._text = "\n".join(
            [
                f"{head_ja} / {head_en}:",
                *(f"{_place(one)}\n    {one.ja}\n    {one.en}" for one in findings),
            ]
        )

    def __str__(self) -> str:
        return self._text


def _place(finding: Finding) -> str:
    where = f" {finding.path}" if finding.path else ""
    return f"  {finding.rule} ({finding.level.value}) {finding.type} {finding.name}{where}"
