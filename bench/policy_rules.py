"""What judging a resource costs: all rules in one walk, against a Pulumi policy for each rule."""

import sys
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace

from google.protobuf import struct_pb2
from kokunai_policy.model import Inspected
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy, policy

from kokunai_policy import Context, Resource, StateStore, catalogue, judge, waivers
from kokunai_policy.rules import JUDGES

RESOURCE_COUNT = 300
LIMIT_MS = 1.0
CONTEXT = Context(
    today=date(2026, 11, 24),
    state=StateStore("file:///state", "passphrase"),
    waivers=waivers.Waivers(),
)
TOKEN = "kokunai:sakura:Server"


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


def seconds_of_rules() -> float:
    started = time.process_time()
    for index in range(RESOURCE_COUNT):
        assert judge(Resource(TOKEN, "x", server(index)), CONTEXT) == []
    return time.process_time() - started


def servicer(groups: list[list[str]]) -> policy._PolicyAnalyzerServicer:
    """The SDK's own server with one policy for each group of rules."""

    def policy_of(rules: list[str]) -> ResourceValidationPolicy:
        def validate(args: SimpleNamespace, _report: object) -> None:
            seen = Inspected(Resource(args.resource_type, args.name, args.props), CONTEXT)
            for rule in rules:
                list(JUDGES[rule](seen))

        return ResourceValidationPolicy(name=rules[0], description="-", validate=validate)

    policies = [policy_of(rules) for rules in groups]
    return policy._PolicyAnalyzerServicer("bench", "1", policies, EnforcementLevel.MANDATORY)  # noqa: SLF001


def seconds_in_sdk(groups: list[list[str]]) -> float:
    serving = servicer(groups)
    requests = []
    for index in range(RESOURCE_COUNT):
        properties = struct_pb2.Struct()
        properties.update(server(index))
        requests.append(analyzer_pb2.AnalyzeRequest(type=TOKEN, name="x", properties=properties))
    started = time.process_time()
    for request in requests:
        serving.Analyze(request, None)
    return time.process_time() - started


def main() -> int:
    seconds_of_rules()
    per_resource_ms = min(seconds_of_rules() for _ in range(3)) / RESOURCE_COUNT * 1000
    rules = list(catalogue.rules())
    one, each = seconds_in_sdk([rules]), seconds_in_sdk([[rule] for rule in rules])
    print(f"all {len(rules)} rules: {per_resource_ms:.2f} ms per resource (limit {LIMIT_MS} ms)")
    print(f"one policy for all rules: {one:.2f} s, a policy for each rule: {each:.2f} s")
    print(f"ratio {each / one:.1f} ({Path(__file__).name}, {RESOURCE_COUNT} resources, CPU time)")
    return 0 if per_resource_ms <= LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
