"""Builds the engine from Go modules, for networks that reach a Go proxy and nothing else."""

import os
from collections.abc import Mapping
from pathlib import Path

from kokunai.airgap.errors import AirgapError
from kokunai.airgap.progress import run, say
from kokunai.airgap.release import INSTALLER, VERSION, format_version, read_version
from kokunai.airgap.search import ask_version

_ENGINE = "github.com/pulumi/pulumi/pkg/v3"
_SDK = "github.com/pulumi/pulumi/sdk/v3"
_COMMAND = f"{_ENGINE}/cmd/pulumi"


def build(go: Path, directory: Path) -> Path:
    """Build in the empty `directory` and return the executable, run once to be sure of it."""
    say(
        f"Pulumi エンジン {VERSION} を Go モジュールからビルドします（初回のみ、3〜5 分）。\n"
        f"Building the Pulumi engine {VERSION} from Go modules (once; 3 to 5 minutes).\n"
        f"開いた網では公式の手順の方が早く済みます / quicker on an open network: {INSTALLER}"
    )
    write_module(directory)
    environment = describe_environment(os.environ, directory)
    executable = directory / "pulumi"
    steps = {
        "依存関係の解決 / go mod tidy": ["mod", "tidy"],
        "ビルド / go build": plan_build(executable),
    }
    for label, arguments in steps.items():
        run([str(go), *arguments], label=label, cwd=directory, env=environment)
    check(executable)
    return executable


def describe_environment(given: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Return the user's own settings of Go, with what this build needs."""
    own = {
        "CGO_ENABLED": "0",
        "GOFLAGS": f"{given.get('GOFLAGS', '')} -mod=mod".strip(),  # the last one of a flag counts
        "GOWORK": "off",
    }
    # A killed compiler leaves its work; here it goes with the directory.
    return {"GOTMPDIR": str(directory), **given, **own}


def write_module(directory: Path) -> None:
    """Write a module whose only purpose is to name the command to build."""
    (directory / "go.mod").write_text(
        "module kokunai.local/engine\n\n"
        "go 1.25.0\n\n"
        f"require {_ENGINE} {VERSION}\n"
        f"require {_SDK} {VERSION}\n",
        encoding="utf-8",
    )
    # The build tag keeps the import out of any build; `go mod tidy` reads it all the same.
    (directory / "tools.go").write_text(
        f'//go:build tools\n\npackage tools\n\nimport _ "{_COMMAND}"\n', encoding="utf-8"
    )


def plan_build(executable: Path) -> list[str]:
    stamp = f"-X {_SDK}/go/common/version.Version={VERSION}"
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {stamp}"]
    return ["build", *flags, "-o", str(executable), _COMMAND]


def check(executable: Path) -> None:
    version = ask_version([str(executable), "version"])
    if version is None or version != read_version(VERSION):
        shown = format_version(version) if version else "?"
        raise AirgapError(
            ja=f"ビルドしたエンジンが {VERSION} と名乗りません: {shown}",
            en=f"the engine that was built does not call itself {VERSION}: {shown}",
        )
