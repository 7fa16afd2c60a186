"""Builds the engine from Go modules, for networks that can reach only a Go module proxy."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kokunai.airgap.versions import (
    INSTALLER,
    OLDEST_GO,
    VERSION,
    ask_version,
    format_version,
    read_version,
)
from kokunai.errors import KokunaiError
from kokunai.language import chosen, worded
from kokunai.progress import say, showing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ENGINE = "github.com/pulumi/pulumi/pkg/v3"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_COMMAND = f"{_ENGINE}/cmd/pulumi"
_LAUNCH = Path(__file__).parent / "language_host" / "launch.py"
_TICK_SECONDS = 0.2
_SHOWN_LINES = 15


def build(go: Path, directory: Path) -> Path:
    """Build in the empty `directory` with the compiler `go`; the executable's path.

    Raises KokunaiError when a step fails or the executable does not tell the wanted version.
    """
    say(
        worded(
            f"Pulumi エンジン {VERSION} を Go モジュールからビルドします（初回のみ、3〜10 分）。\n"
            "インターネットに接続できる環境では、公式の手順のほうが早く済みます: "
            f"{INSTALLER}",
            f"Building the Pulumi engine {VERSION} from Go modules (once; 3 to 10 minutes).\n"
            f"On an open network the official way is quicker: {INSTALLER}",
        )
    )
    _write_module(directory)
    environment = _go_environment(os.environ, directory)
    executable = directory / "pulumi"
    steps = {
        "依存関係の解決 / go mod tidy": ["mod", "tidy"],
        "ビルド / go build": _build_arguments(executable),
    }
    for label, arguments in steps.items():
        run_step([str(go), *arguments], label=chosen(label), cwd=directory, env=environment)
    _check_version(executable)
    return executable


def _go_environment(given: Mapping[str, str], directory: Path) -> dict[str, str]:
    """The user's own settings of Go, completed by what this build needs."""
    own = {
        "CGO_ENABLED": "0",
        # Go takes the last value of a flag that is given twice.
        "GOFLAGS": f"{given.get('GOFLAGS', '')} -mod=mod".strip(),
        "GOWORK": "off",
    }
    # A killed compiler leaves its temporary files; in this directory they are removed with it.
    return {"GOTMPDIR": str(directory), **given, **own}


def _write_module(directory: Path) -> None:
    """A module whose only purpose is to name the command to build."""
    (directory / "go.mod").write_text(
        "module kokunai.local/engine\n\n"
        f"go {format_version(OLDEST_GO)}\n\n"
        f"require {_ENGINE} {VERSION}\n"
        f"require {_SDK} {VERSION}\n",
        encoding="utf-8",
    )
    # The build tag keeps the import out of every build, but `go mod tidy` still reads it.
    (directory / "tools.go").write_text(
        f'//go:build tools\n\npackage tools\n\nimport _ "{_COMMAND}"\n', encoding="utf-8"
    )


def _build_arguments(executable: Path) -> list[str]:
    stamp = f"-X {_SDK}/go/common/version.Version={VERSION}"
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {stamp}"]
    return ["build", *flags, "-o", str(executable), _COMMAND]


def _check_version(executable: Path) -> None:
    version = ask_version([str(executable), "version"])
    if version is None or version != read_version(VERSION):
        shown = format_version(version) if version else "?"
        raise KokunaiError(
            ja=f"ビルドしたエンジンのバージョンが {VERSION} ではありません: {shown}",
            en=f"the engine that was built does not call itself {VERSION}: {shown}",
        )


def run_step(command: Sequence[str], *, label: str, cwd: Path, env: Mapping[str, str]) -> None:
    """Run a command, showing the time. Raises KokunaiError with its last lines when it fails."""
    # The output is kept in memory, so that a command can still say that the disk is full.
    with os.fdopen(os.memfd_create("output"), "w+b") as output, showing(label) as elapsed:
        process = _start(command, cwd=cwd, env=env, output=output)
        try:
            while process.poll() is None:
                elapsed.tick()
                time.sleep(_TICK_SECONDS)
        finally:
            _stop(process)
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").splitlines()[-_SHOWN_LINES:]
    if process.returncode:
        detail = "\n".join(f"  {line}" for line in lines)
        raise KokunaiError(
            ja=f"{label} に失敗しました（終了コード {process.returncode}）。",
            en=f"`{' '.join(command[:3])}` failed with exit code {process.returncode}:\n{detail}",
        )


def _start(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start `command` so that it ends with this process, even when that is killed."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it started; nothing happens when it is over."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
