"""Makes a project's virtual environment and fills it, for `pulumi install`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.runtime.proto import language_pb2

from kokunai.airgap.language_host.children import Children, stream_output
from kokunai.airgap.language_host.interpreters import (
    find_ambient_interpreter,
    name_virtualenv,
    read_options,
)
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


def plan_installation(
    info: language_pb2.ProgramInfo, directory: Path, *, is_plugin: bool
) -> list[list[str]]:
    """The commands, in order; one that fails keeps the next from running."""
    if read_options(info).get("toolchain") == "uv":
        return [[_find_uv(), "sync"]]
    virtualenv = name_virtualenv(info, is_plugin=is_plugin)
    wanted = _requirements(directory)
    if virtualenv is None and is_plugin and wanted:
        virtualenv = Path(info.root_directory) / "venv"
    if virtualenv is None:
        return [_pip_install(find_ambient_interpreter().executable, wanted)] if wanted else []
    python = virtualenv / "bin" / "python"
    # venv installs pip last, so a Python without pip is left of a creation that was cut short.
    whole = python.exists() and (virtualenv / "bin" / "pip").exists()
    creation = [] if whole else [[sys.executable, "-m", "venv", str(virtualenv)]]
    return [*creation, _pip_install(str(python), wanted)] if wanted else creation


def _requirements(directory: Path) -> list[str]:
    """The arguments of pip that install what the directory says it needs."""
    if (directory / "requirements.txt").is_file():
        return ["-r", "requirements.txt"]
    if (directory / "pyproject.toml").is_file():
        return ["-e", "."]
    return []


def _pip_install(python: str, wanted: list[str]) -> list[str]:
    return [python, "-m", "pip", "install", "--disable-pip-version-check", *wanted]


def _find_uv() -> str:
    uv = shutil.which("uv")
    if uv is None:
        raise KokunaiError(
            ja="toolchain: uv と書かれていますが、uv が PATH にありません。",
            en="the project says `toolchain: uv`, but there is no uv on PATH",
        )
    return uv


def describe_environment(info: language_pb2.ProgramInfo) -> dict[str, str]:
    """The variables of this process, and for uv the place of the project's environment."""
    if read_options(info).get("toolchain") != "uv":
        return dict(os.environ)
    return {**os.environ, "UV_PROJECT_ENVIRONMENT": str(name_virtualenv(info))}


async def install(
    request: language_pb2.InstallDependenciesRequest, children: Children
) -> AsyncGenerator[language_pb2.InstallDependenciesResponse, None]:
    """Run the commands, passing on what they print."""
    directory = Path(request.directory or request.info.program_directory)
    environment = describe_environment(request.info)
    for command in plan_installation(request.info, directory, is_plugin=request.is_plugin):
        child = children.start(command, cwd=str(directory), env=environment, piped=True)
        try:
            async for name, data in stream_output(child):
                if name == "stdout":
                    yield language_pb2.InstallDependenciesResponse(stdout=data)
                else:
                    yield language_pb2.InstallDependenciesResponse(stderr=data)
            exit_code = await child.wait()
        finally:
            await children.stop(child)
        _check_success(command, exit_code)


def _check_success(command: list[str], exit_code: int) -> None:
    if exit_code:
        line = shlex.join(command)
        raise KokunaiError(
            ja=f"依存関係を用意できませんでした（終了コード {exit_code}）: {line}",
            en=f"the dependencies could not be installed (exit code {exit_code}): {line}",
        )
