"""The rules as a Pulumi policy pack; only this file knows Pulumi's policy SDK."""

import os
import signal
import sys


def _leave(_signal: int, _frame: object) -> None:
    # The engine says goodbye with a signal; a traceback would be noise, waiting would delay every command.
    os._exit(0)


signal.signal(signal.SIGINT, _leave)
signal.signal(signal.SIGTERM, _leave)

import threading  # noqa: E402 - after the handlers, so that a signal during the imports is quiet too
from collections.abc import Callable, Mapping  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from pulumi_policy import (  # noqa: E402
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy import policy as sdk  # noqa: E402

from kokunai_policy import Context, Finding, Resource, catalogue, judge, waivers  # noqa: E402
from kokunai_policy.model import STACK_TYPE, today_in_japan  # noqa: E402
from kokunai_policy.project import running_context  # noqa: E402
from kokunai_policy.values import hide_secrets  # noqa: E402

_PACK = Path(__file__).resolve().parent
# The SDK decodes a resource once for every policy, so a policy is a group of rules. Its text comes before
# every finding, so it is short.
_GROUPS = {
    "location": "設置場所 / location",
    "values": "値の中の地名 / places in values",
    "operator": "運用事業者 / operator",
    "labels": "データ区分 / data class",
    "time": "時刻 / time",
    "sources": "名前解決とパッケージ / names and packages",
    "state": "ステートと鍵 / state and keys",
    "escapes": "検査の抜け道 / ways round the rules",
}
_ADVICE = "advice"
_PREFIX = "kokunai-"


@dataclass
class Session:
    """What one run of the pack remembers."""

    context: Context
    weakened: dict[str, str] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)
    used: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pending: dict[str, tuple[list[Finding], set[str]]] = field(default_factory=dict)

    def findings(self, args: ResourceValidationArgs, group: str) -> list[Finding]:
        """Findings of this group on the resource.

        The policies of one call ask one after the other: the first one judges for all of them. A group that
        asks a second time belongs to a new call, with new properties.
        """
        with self._lock:
            found, waiting = self._pending.get(args.urn, ([], set()))
        if group not in waiting:
            found, waiting = self._judge(args), {*_GROUPS, _ADVICE}
        with self._lock:
            self._pending[args.urn] = (found, waiting - {group})
        return found if group == _ADVICE else [one for one in found if _group(one) == group]

    def _judge(self, args: ResourceValidationArgs) -> list[Finding]:
        found = judge(_resource(args), self.context)
        provider = args.provider
        # A provider is judged as a resource; one that came from the state alone is judged here.
        if provider is not None and provider.urn not in self.judged:
            resource = Resource(provider.resource_type, provider.name, provider.props)
            found += judge(resource, self.context)
        self.judged.add(args.urn)
        self.used |= {(one.rule, args.urn) for one in found if one.waiver}
        return found


def _group(finding: Finding) -> str:
    return catalogue.rules()[finding.rule].group


def _resource(args: ResourceValidationArgs) -> Resource:
    is_provider = args.resource_type.startswith("pulumi:providers:")
    return Resource(
        type=args.resource_type,
        name=args.name,
        props=args.props,
        urn=args.urn,
        custom=is_provider or args.provider is not None,
    )


def _refuse(session: Session, group: str) -> Callable[[Any, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for one in session.findings(args, group):
            if one.waiver is None:
                report(one.message)

    return validate


def _advise(session: Session) -> Callable[[Any, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for one in session.findings(args, _ADVICE):
            if one.waiver is not None:
                report(_waived(one))
        if args.resource_type == STACK_TYPE:
            for policy, level in session.weakened.items():
                report(
                    f"  {policy} は設定により {level} です\n  {policy} is {level} by configuration"
                )

    return validate


def _waived(finding: Finding) -> str:
    waiver = finding.waiver
    assert waiver is not None
    until = f"{waiver.ticket}, {waiver.requester} → {waiver.approver}, {waiver.expires}"
    return f"{finding.message}\n  免除中: {waiver.reason} ({until})\n  waived: {waiver.reason} ({until})"


def _report_unused(session: Session) -> Callable[[Any, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        known = {resource.urn for resource in args.resources}
        context = session.context
        for one in context.waivers.valid(context.today):
            # A resource that was left out of this run may still need its waiver.
            was_seen = one.urn in session.judged or one.urn not in known
            if was_seen and (one.rule, one.urn) not in session.used:
                report(
                    f"KN-ESC-07 (high)\n"
                    f"  使われていない免除です。削除してください: {one.rule} {one.urn} ({one.ticket})\n"
                    f"  this waiver is not used; remove it: {one.rule} {one.urn} ({one.ticket})"
                )

    return validate


def _severity(group: str) -> Severity:
    order = [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
    present = {rule.level.value for rule in catalogue.rules().values() if rule.group == group}
    return next(one for one in order if one.value in present)


def policies(session: Session) -> list[Policy]:
    """One policy for each group, then the advice, which needs what the groups found."""
    groups: list[Policy] = [
        ResourceValidationPolicy(
            name=f"{_PREFIX}{group}",
            description=text,
            severity=_severity(group),
            validate=_refuse(session, group),
        )
        for group, text in _GROUPS.items()
    ]
    advice = ResourceValidationPolicy(
        name=f"{_PREFIX}{_ADVICE}",
        description="お知らせ / advice",
        enforcement_level=EnforcementLevel.ADVISORY,
        validate=_advise(session),
    )
    unused = StackValidationPolicy(
        name=f"{_PREFIX}unused-waivers",
        description="使われていない免除 / unused waivers",
        severity=Severity.HIGH,
        validate=_report_unused(session),
    )
    return [*groups, advice, unused]


def _adapt_sdk(session: Session) -> None:
    """Keeps secrets marked and notices weakened levels, which the SDK offers no way to do."""
    deserialize = sdk.deserialize_properties
    configure = sdk._PolicyAnalyzerServicer.Configure  # noqa: SLF001

    def marked(props: Mapping[str, Any], proxy_secrets: bool = False) -> Any:
        return deserialize(hide_secrets(props), proxy_secrets)

    def watched(servicer: Any, request: Any, context: Any) -> Any:
        for name, config in request.policyConfig.items():
            level = servicer._convert_enforcement_level(config.enforcementLevel)  # noqa: SLF001
            if name != f"{_PREFIX}{_ADVICE}" and level not in _BLOCKING:
                session.weakened[name] = level.value
                print(f"{name}: {level.value}", file=sys.stderr)
        return configure(servicer, request, context)

    sdk.deserialize_properties = marked
    sdk._PolicyAnalyzerServicer.Configure = watched  # noqa: SLF001


_BLOCKING = {EnforcementLevel.MANDATORY, EnforcementLevel.REMEDIATE}


def main() -> None:
    """Serves the pack until the engine ends it."""
    session = Session(running_context(dict(os.environ), _PACK))
    _adapt_sdk(session)
    PolicyPack(
        name="kokunai-domestic-data",
        policies=policies(session),
        enforcement_level=EnforcementLevel.MANDATORY,
    )


if __name__ == "__main__":
    main()
