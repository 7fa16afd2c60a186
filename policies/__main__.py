"""The rules as a Pulumi policy pack; only this file knows Pulumi's policy SDK."""

import os
import signal
import sys


def _leave(_signal: int, _frame: object) -> None:
    # The engine says goodbye with a signal; a traceback would be noise, waiting costs seconds.
    os._exit(0)


signal.signal(signal.SIGINT, _leave)
signal.signal(signal.SIGTERM, _leave)

import importlib  # noqa: E402 - after the handlers: a signal during the imports is quiet too
import threading  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from pulumi.runtime import proto  # noqa: E402
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

from kokunai_policy import Context, Finding, Resource, catalogue, judge  # noqa: E402
from kokunai_policy.project import running_context  # noqa: E402
from kokunai_policy.values import hide_secrets  # noqa: E402
from kokunai_policy.waivers import Waiver  # noqa: E402

# Untyped, because two of its private names are replaced below.
_SDK: Any = importlib.import_module("pulumi_policy.policy")
_PACK = Path(__file__).resolve().parent
# The SDK decodes a resource once for every policy, so a policy is a group of rules. Its text
# comes before every finding, so it is short.
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

    environment: Mapping[str, str]
    judged: set[str] = field(default_factory=set)
    used: set[tuple[str, str]] = field(default_factory=set)
    _contexts: dict[str, Context] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pending: dict[str, tuple[list[Finding], set[str]]] = field(default_factory=dict)

    def context(self, urn: str) -> Context:
        """Context of the stack this resource is in."""
        stack = urn.rpartition("::")[0].rpartition("::")[0]
        if stack not in self._contexts:
            self._contexts[stack] = running_context(self.environment, _PACK, urn)
        return self._contexts[stack]

    def findings(self, args: ResourceValidationArgs, group: str) -> list[Finding]:
        """Findings of this group on the resource.

        The policies of one call ask one after the other: the first one judges for all of them.
        A group that asks a second time belongs to a new call, with new properties.
        """
        with self._lock:
            found, waiting = self._pending.get(args.urn, ([], set()))
        if group not in waiting:
            found, waiting = self._judge(args), {*_GROUPS, _ADVICE}
        with self._lock:
            self._pending[args.urn] = (found, waiting - {group})
        return found if group == _ADVICE else [one for one in found if _group(one) == group]

    def _judge(self, args: ResourceValidationArgs) -> list[Finding]:
        context = self.context(args.urn)
        found = judge(_resource(args), context)
        provider = args.provider
        # A provider is judged as a resource; one that came from the state alone is judged here.
        if provider is not None and provider.urn not in self.judged:
            props, kind = provider.props, provider.resource_type
            found += judge(Resource(kind, provider.name, props, urn=provider.urn), context)
        self.judged.add(args.urn)
        self.used |= {(one.rule, one.urn) for one in found if one.waiver}
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
                report(one.message, None)

    return validate


def _advise(session: Session) -> Callable[[Any, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for one in session.findings(args, _ADVICE):
            if one.waiver is not None:
                report(_waived(one, one.waiver), None)

    return validate


def _waived(finding: Finding, waiver: Waiver) -> str:
    people = f"{waiver.requester} → {waiver.approver}"
    terms = f"{waiver.reason} ({waiver.ticket}, {people}, {waiver.expires})"
    return f"{finding.message}\n  免除中: {terms}\n  waived: {terms}"


def _report_unused(session: Session) -> Callable[[Any, ReportViolation], None]:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        urns = {resource.urn for resource in args.resources}
        stacks = {_stack_of(urn) for urn in urns}
        context = session.context(next(iter(urns), ""))
        for one in context.waivers.valid(context.today):
            # A resource that was left out of this run may still need its waiver.
            was_seen = one.urn in session.judged or one.urn not in urns
            is_ours = _stack_of(one.urn) in stacks
            if is_ours and was_seen and (one.rule, one.urn) not in session.used:
                report(_unused(one), None)

    return validate


def _stack_of(urn: str) -> str:
    """`urn:pulumi:stack::project`: the file holds the waivers of every stack."""
    return "::".join(urn.split("::")[:2])


def _unused(waiver: Waiver) -> str:
    level = catalogue.levels()["KN-ESC-07"].value
    what = f"{waiver.rule} {waiver.urn} ({waiver.ticket})"
    return (
        f"KN-ESC-07 ({level})\n  使われていない免除です。削除してください: {what}\n"
        f"  this waiver is not used; remove it: {what}"
    )


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


def _adapt_sdk() -> None:
    """Keeps secrets marked and tells of weakened levels, for which the SDK has no means."""
    deserialize = _SDK.deserialize_properties
    configure = _SDK._PolicyAnalyzerServicer.Configure  # noqa: SLF001

    def marked(props: Mapping[str, Any], proxy_secrets: bool = False) -> Any:
        return deserialize(hide_secrets(props), proxy_secrets)

    def watched(servicer: Any, request: Any, context: Any) -> Any:
        _tell_weakened(request.policyConfig)
        return configure(servicer, request, context)

    _SDK.deserialize_properties = marked
    _SDK._PolicyAnalyzerServicer.Configure = watched  # noqa: SLF001


def _tell_weakened(configuration: Mapping[str, Any]) -> None:
    # Through stderr, which Pulumi shows also when every policy is disabled.
    weak = {proto.ADVISORY: "advisory", proto.DISABLED: "disabled"}
    told = [
        f"{name}: {weak[config.enforcementLevel]}"
        for name, config in sorted(configuration.items())
        if config.enforcementLevel in weak and name not in {f"{_PREFIX}{_ADVICE}", "all"}
    ]
    if told:
        print(
            f"規則が設定で弱められています / rules are weakened: {', '.join(told)}", file=sys.stderr
        )


def main() -> None:
    """Serves the pack until the engine ends it."""
    session = Session(dict(os.environ))
    _adapt_sdk()
    PolicyPack(
        name="kokunai-domestic-data",
        policies=policies(session),
        enforcement_level=EnforcementLevel.MANDATORY,
    )


if __name__ == "__main__":
    main()
