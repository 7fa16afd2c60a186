"""Runs a Pulumi program as a process and judges how it ended."""

import json
import os
import signal
from pathlib import Path

from pulumi.runtime.proto import language_pb2

from kokunai.airgap.language_host.interpreters import find_interpreter

_PROGRAM = Path(__file__).with_name("program.py")
_REASON_SHOWN = 32


def plan_program(request: language_pb2.RunRequest, engine_address: str) -> list[str]:
    """Return the command line; configuration, which holds secrets, is never part of it."""
    flags = {
        "monitor": request.monitor_address,
        "engine": engine_address,
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization,
        "root-directory": request.info.root_directory,
        "parallel": str(request.parallel),
    }
    named = [part for name, value in flags.items() if value for part in (f"--{name}", value)]
    preview = ["--dry-run"] if request.dryRun else []
    directory = request.info.program_directory or request.pwd
    entry = str(Path(directory) / (request.info.entry_point or "."))
    python = find_interpreter(request.info).executable
    return [python, "-u", str(_PROGRAM), *named, *preview, "--", entry, *request.args]


def describe_environment(request: language_pb2.RunRequest) -> dict[str, str]:
    """Return the host's environment with the stack's configuration."""
    stack = {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }
    return find_interpreter(request.info).activate(dict(os.environ) | stack)


def judge_end(exit_code: int, *, cancelled: bool) -> language_pb2.RunResponse:
    """A cancelled program must not count as one that declared everything it wanted."""
    if exit_code == _REASON_SHOWN or cancelled:
        return language_pb2.RunResponse(bail=True)
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return language_pb2.RunResponse(error=f"the program was ended by {name}")
    if exit_code:
        return language_pb2.RunResponse(error=f"the program ended with exit code {exit_code}")
    return language_pb2.RunResponse()
