"""The policies that Pulumi shows: one per group of rules, advice, and unused waivers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationPolicy,
    Severity,
    StackValidationPolicy,
)

from kokunai.language import chosen, worded
from kokunai_policy.levels import levels
from kokunai_policy.pack import server
from kokunai_policy.pack.session import Session
from kokunai_policy.rulebook import GROUPS, rules
from kokunai_policy.verdicts import how_to_waive

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kokunai_policy.verdicts import Finding
    from kokunai_policy.waivers import Waiver

PREFIX = "kokunai-"
ADVICE = f"{PREFIX}advice"


def serve(folder: Path) -> None:
    """Serve the pack of the project in this folder until the engine ends it."""
    session = Session(dict(os.environ), folder)
    server.serve(server.Servicer("kokunai-domestic-data", policies(), session))


def policies() -> list[Policy]:
    """One policy per group of rules, then those for advice and unused waivers."""
    groups: list[Policy] = [
        ResourceValidationPolicy(
            name=f"{PREFIX}{group}",
            description=chosen(text),
            severity=_severity(group),
            validate=_refuse(group),
        )
        for group, text in GROUPS.items()
    ]
    advice = ResourceValidationPolicy(
        name=ADVICE,
        description=chosen("お知らせ / advice"),
        enforcement_level=EnforcementLevel.ADVISORY,
        validate=_advise,
    )
    unused = StackValidationPolicy(
        name=f"{PREFIX}unused-waivers",
        description=chosen("使われていない免除 / unused waivers"),
        severity=Severity.HIGH,
        validate=_report_unused,
    )
    return [*groups, advice, unused]


def _severity(group: str) -> Severity:
    order = [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    present = {rule.level.value for rule in rules().values() if rule.group == group}
    return next(severity for severity in order if severity.value in present)


def _refuse(group: str) -> Callable[[Any, ReportViolation], None]:
    def validate(findings: Any, report: ReportViolation) -> None:
        for finding in findings:
            if finding.waiver is None and rules()[finding.rule].group == group:
                report("\n".join(filter(None, [finding.message, how_to_waive([finding])])), None)

    return validate


def _advise(findings: Any, report: ReportViolation) -> None:
    for finding in findings:
        if finding.waiver is not None:
            report(_waived(finding, finding.waiver), None)


def _waived(finding: Finding, waiver: Waiver) -> str:
    people = f"{waiver.requester} → {waiver.approver}"
    terms = f"{waiver.reason} ({waiver.ticket}, {people}, {waiver.expires})"
    return f"{finding.message}\n  {worded('免除中', 'waived', ' / ')}: {terms}"


def _report_unused(waivers: Any, report: ReportViolation) -> None:
    level = levels()["KN-ESC-07"].text
    for waiver in waivers:
        what = f"{waiver.rule} {waiver.place} ({waiver.ticket})"
        said = worded(
            f"  使われていない免除です。削除してください: {what}",
            f"  this waiver is not used; remove it: {what}",
        )
        report(f"KN-ESC-07 ({level})\n{said}", None)
