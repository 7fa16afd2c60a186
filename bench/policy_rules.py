"""What judging a resource costs, in the program and in the pack, beside Pulumi's own way.

Pulumi's own way is a policy for each rule in the SDK's server, which decodes a resource for each.
"""

import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, policy

from kokunai_policy import Context, Resource, StateStore, judge
from kokunai_policy.pack.policies import policies
from kokunai_policy.pack.server import Servicer
from kokunai_policy.pack.session import Session
from kokunai_policy.resource import Inspected
from kokunai_policy.rulebook import Rule, rules, rules_for

RESOURCE_COUNT = 1000
LIMIT_MS = 1.0
CONTEXT = Context(today=date(2026, 11, 24), state=StateStore("file:///state", "passphrase"))
TYPE = "kokunai:sakura:Server"


def server(index: int) -> dict:
    """A server of about ninety values, a start-up script among them."""
    return {
        "name": f"train-{index}",
        "site": "sakura-ishikari",
        "zone": "is1a",
        "labels": {"data-class": "internal", "environment": "bench", "pool": "train"},
        "plan": {"cpuCount": 24, "memoryGib": 240, "gpuCount": 1, "gpuModel": "nvidia_h100"},
        "disks": [{"sizeGib": 100, "plan": "ssd", "image": "Debian 12"} for _ in range(6)],
        "nics": [
            {"switchId": f"11{index:010}", "address": f"192.168.0.{nic}", "prefixLength": 24}
            for nic in range(8)
        ],
        "sshPublicKeys": [
            f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{key:043} a@b" for key in range(4)
        ],
        "tags": [f"tag-{number}" for number in range(16)],
        "startupScript": "#!/bin/sh\nset -eu\n" + "echo 'configuring: step'\n" * 20,
    }


def milliseconds(work: Callable[[], None]) -> float:
    """CPU time for one resource, the best of three."""
    spent = []
    for _ in range(3):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return min(spent) / RESOURCE_COUNT * 1000


def in_the_program() -> None:
    for index in range(RESOURCE_COUNT):
        assert judge(Resource(TYPE, f"train-{index}", server(index)), CONTEXT) == []


def requests() -> list[analyzer_pb2.AnalyzeRequest]:
    made = []
    for index in range(RESOURCE_COUNT):
        properties = struct_pb2.Struct()
        properties.update(server(index))
        name = f"train-{index}"
        urn = f"urn:pulumi:dev::bench::{TYPE}::{name}"
        request = analyzer_pb2.AnalyzeRequest(type=TYPE, name=name, urn=urn, properties=properties)
        request.provider.type = "pulumi:providers:kokunai"
        request.provider.urn = "urn:pulumi:dev::bench::pulumi:providers:kokunai::default"
        made.append(request)
    return made


def ours() -> Servicer:
    return Servicer("bench", policies(), Session({}, Path("/nonexistent")))


def pulumis() -> policy._PolicyAnalyzerServicer:
    """The SDK's own server with one policy for each rule."""

    def policy_of(rule: Rule) -> ResourceValidationPolicy:
        def validate(args: SimpleNamespace, _report: object) -> None:
            resource = Resource(args.resource_type, args.name, args.props)
            if rule in rules_for(resource.type, custom=True):
                list(rule.judge(Inspected(resource, CONTEXT)))

        return ResourceValidationPolicy(name=rule.id, description="-", validate=validate)

    each = [policy_of(rule) for rule in rules().values()]
    return policy._PolicyAnalyzerServicer("bench", "1", each, EnforcementLevel.MANDATORY)  # noqa: SLF001 - the peer has no public name


def main() -> int:
    given = requests()

    def in_a_pack(servicer: policy._PolicyAnalyzerServicer) -> Callable[[], None]:
        def work() -> None:
            for request in given:
                servicer.Remediate(request, None)
                servicer.Analyze(request, None)

        return work

    program, pack = milliseconds(in_the_program), milliseconds(in_a_pack(ours()))
    peer = milliseconds(in_a_pack(pulumis()))
    print(f"in the program: {program:.2f} ms per resource (limit {LIMIT_MS} ms)")
    print(f"in the pack: {pack:.2f} ms, a Pulumi policy for each rule: {peer:.2f} ms")
    print(f"ratio {peer / pack:.1f} ({Path(__file__).name}, {RESOURCE_COUNT} resources, CPU time)")
    return 0 if program <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
