"""Answers Pulumi's engine: one decoding and one judgement for each resource.

The SDK's own server decodes a resource for every policy, drops the marks of secrets, reads the
configuration of its process anew in every call and does not tell when levels are weakened. What it
says about the pack and how it words a violation are kept.
"""

from __future__ import annotations

import importlib
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
from pulumi.runtime import proto
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, StackValidationPolicy

from kokunai.callers import SameUserOnlyInThreads
from kokunai.language import worded
from kokunai_policy.pack.session import Given, Session
from kokunai_policy.pack.wire import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_policy import Policy

# Untyped, because the class is private.
_SDK: Any = importlib.import_module("pulumi_policy.policy")
_WEAK = {proto.ADVISORY: "advisory", proto.DISABLED: "disabled"}
# A pack's version is that of its PulumiPolicy.yaml; this one counts where it says none.
_NO_VERSION = "0.0.1"


class Servicer(_SDK._PolicyAnalyzerServicer):  # type: ignore[misc] # noqa: SLF001 - the SDK's own server, see the module's docstring
    """The SDK's answers, with those for resources replaced.

    Policies for resources are handed the findings, policies for stacks the unused waivers.
    """

    def __init__(self, name: str, policies: list[Policy], session: Session) -> None:
        super().__init__(name, _NO_VERSION, policies, EnforcementLevel.MANDATORY)
        self._policies: list[Any] = policies
        self._session = session

    def Analyze(self, request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        """The violations of one resource."""
        provider = _given(request.provider) if request.HasField("provider") else None
        findings = self._session.findings(_given(request), provider)
        return self._response(ResourceValidationPolicy, findings)

    def AnalyzeStack(self, request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        """The violations of the stack, asked for after all of its resources."""
        waivers = self._session.unused_waivers(resource.urn for resource in request.resources)
        return self._response(StackValidationPolicy, waivers)

    def Remediate(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """No remediation: the pack never changes a resource."""
        levels = {self._get_enforcement_level(policy) for policy in self._policies}
        if EnforcementLevel.REMEDIATE in levels:
            return super().Remediate(request, context)
        return proto.RemediateResponse()

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Apply the levels of `--policy-pack-config` and report which are weakened."""
        usual = {
            policy.name
            for policy in self._policies
            if policy.enforcement_level is EnforcementLevel.ADVISORY
        }
        _tell_weakened(request.policyConfig, usual)
        return super().Configure(request, context)

    def _response(self, kind: type[Any], subjects: list[Any]) -> Any:
        response = proto.AnalyzeResponse()
        if not subjects:
            return response
        policies = (policy for policy in self._policies if isinstance(policy, kind))
        for policy in policies:
            level = self._get_enforcement_level(policy)
            if level is not EnforcementLevel.DISABLED:
                # A finding that cannot be remediated is refused, as the SDK does.
                if level is EnforcementLevel.REMEDIATE:
                    level = EnforcementLevel.MANDATORY
                policy.validate(
                    subjects,
                    self._create_report_violation(
                        response, policy.name, policy.description, level, policy.severity
                    ),
                )
        return response


def _given(message: Any) -> Given:
    return Given(message.type, message.name, message.urn, plain(message.properties))


def _tell_weakened(configuration: Mapping[str, Any], usual: set[str]) -> None:
    # Written to stderr, which Pulumi shows even if every policy is disabled.
    weakened = [
        f"{name}: {_WEAK[config.enforcementLevel]}"
        for name, config in sorted(configuration.items())
        if config.enforcementLevel in _WEAK and name not in {*usual, "all"}
    ]
    if weakened:
        names = ", ".join(weakened)
        said = worded("規則が設定で弱められています", "rules are weakened", " / ")
        print(f"{said}: {names}", file=sys.stderr)


def serve(servicer: Servicer) -> None:
    """Serve until the process ends; the engine reads the port from the first line of stdout."""
    server = grpc.server(  # type: ignore[no-untyped-call]
        ThreadPoolExecutor(max_workers=4),
        interceptors=(SameUserOnlyInThreads(),),
        options=_SDK._GRPC_CHANNEL_OPTIONS,  # noqa: SLF001 - the SDK's options, as it has no public ones
    )
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()
