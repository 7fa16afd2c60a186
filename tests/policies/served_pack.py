"""Speaks to a policy pack's process as the engine does, secrets and unknown values included."""

import signal
import subprocess
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

SIGNATURE = "4dabf18193072939515e22adb298388d"
UNKNOWN = {
    "boolean": "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "number": "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "string": "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "array": "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "asset": "030794c1-ac77-496b-92df-f27374a8bd58",
    "archive": "e48ece36-62e2-4504-bad9-02848725956a",
    "object": "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": value}


def text_asset(text: str) -> dict[str, Any]:
    return {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": text}


def urn_of(token: str, name: str = "example") -> str:
    return f"urn:pulumi:test::example::{token}::{name}"


@dataclass
class Said:
    """One diagnostic of the pack."""

    policy: str
    rule: str
    path: str
    message: str
    mandatory: bool


class ServedPack:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        line = process.stdout.readline().strip()
        assert line.isdigit(), process.stderr.read()
        self.address = f"127.0.0.1:{line}"
        self._stub = analyzer_pb2_grpc.AnalyzerStub(grpc.insecure_channel(self.address))

    def info(self) -> analyzer_pb2.AnalyzerInfo:
        return self._stub.GetAnalyzerInfo(struct_pb2.Value())

    def configure(self, levels: dict[str, int]) -> None:
        config = {
            name: analyzer_pb2.PolicyConfig(enforcementLevel=level)
            for name, level in levels.items()
        }
        self._stub.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config))

    def analyze(
        self, token: str, props: Any, *, name: str = "example", provider: Any = "kokunai"
    ) -> list[Said]:
        """Diagnostics for one resource; `provider` None makes it a component."""
        request = analyzer_pb2.AnalyzeRequest(
            type=token, urn=urn_of(token, name), name=name, properties=_struct(props)
        )
        if isinstance(provider, str):
            provider = (f"pulumi:providers:{provider}", {})
        if provider is not None:
            kind, provider_props = provider
            request.provider.type = kind
            request.provider.urn = f"{urn_of(kind, 'default')}"
            request.provider.name = "default"
            request.provider.properties.CopyFrom(_struct(provider_props))
        return [_said(one) for one in self._stub.Analyze(request).diagnostics]

    def analyze_stack(self, tokens: list[str]) -> list[Said]:
        resources = [
            analyzer_pb2.AnalyzerResource(type=token, urn=urn_of(token), name="example")
            for token in tokens
        ]
        request = analyzer_pb2.AnalyzeStackRequest(resources=resources)
        return [_said(one) for one in self._stub.AnalyzeStack(request).diagnostics]

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Exit code and what was printed on stderr after this signal."""
        self.process.send_signal(number)
        _, stderr = self.process.communicate(timeout=5)
        return self.process.returncode, stderr


def _struct(value: Any) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(value)
    return message


def _said(one: Any) -> Said:
    head = next((line for line in one.message.splitlines() if line.startswith("KN-")), "")
    rule, _, rest = head.partition(" (")
    return Said(
        policy=one.policyName,
        rule=rule,
        path=rest.partition(") ")[2],
        message=one.message,
        mandatory=one.enforcementLevel == analyzer_pb2.MANDATORY,
    )
