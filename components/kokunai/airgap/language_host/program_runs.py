"""Runs a Pulumi program as a process and judges how it ended."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from pulumi.runtime.proto import language_pb2

from kokunai.airgap.language_host.interpreters import find_interpreter, read_options
from kokunai.errors import KokunaiError

_PROGRAM = Path(__file__).with_name("program.py")
_REASON_SHOWN = 32
_TYPE_CHECKERS = ("mypy", "pyright")


def plan_run(request: language_pb2.RunRequest, engine_address: str) -> list[list[str]]:
    """The commands, in order; one that fails keeps the next from running."""
    refuse_debugger(wanted=request.attach_debugger)
    return [*_plan_type_check(request), _plan_program(request, engine_address)]


def refuse_debugger(*, wanted: bool) -> None:
    if wanted:
        raise KokunaiError(
            ja="この言語ホストはデバッガーに対応していません。--attach-debugger を外してください。",
            en="this language host has no debugger: leave out --attach-debugger",
        )


def _plan_type_check(request: language_pb2.RunRequest) -> list[list[str]]:
    checker = read_options(request.info).get("typechecker")
    if not checker:
        return []
    if checker not in _TYPE_CHECKERS:
        known = ", ".join(_TYPE_CHECKERS)
        raise KokunaiError(
            ja=f"typechecker {checker} には対応していません。使えるもの: {known}",
            en=f"the typechecker {checker} is not supported; supported: {known}",
        )
    return [[find_interpreter(request.info).executable, "-m", checker, str(_entry(request))]]


def _entry(request: language_pb2.RunRequest) -> Path:
    directory = request.info.program_directory or request.pwd
    return Path(directory) / (request.info.entry_point or ".")


def _plan_program(request: language_pb2.RunRequest, engine_address: str) -> list[str]:
    """The command line, without the configuration: other users could read its secrets there."""
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
    python = find_interpreter(request.info).executable
    return [
        python,
        "-u",
        str(_PROGRAM),
        *named,
        *preview,
        "--",
        str(_entry(request)),
        *request.args,
    ]


def describe_environment(request: language_pb2.RunRequest) -> dict[str, str]:
    """The host's environment with the stack's configuration."""
    stack = {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }
    return find_interpreter(request.info).activate(dict(os.environ) | stack)


def judge_end(exit_code: int, *, cancelled: bool) -> language_pb2.RunResponse:
    """The answer for the engine; a cancelled program never counts as complete."""
    if exit_code == _REASON_SHOWN or cancelled:
        return language_pb2.RunResponse(bail=True)
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return language_pb2.RunResponse(
            error=f"プログラムが {name} で終わりました。\nthe program was ended by {name}"
        )
    if exit_code:
        return language_pb2.RunResponse(
            error=f"プログラムが終了コード {exit_code} で終わりました。\n"
            f"the program ended with exit code {exit_code}"
        )
    return language_pb2.RunResponse()
