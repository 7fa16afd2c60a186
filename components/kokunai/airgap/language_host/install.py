"""Makes a project's virtual environment and fills it, for `pulumi install`."""

import os
import shlex
import shutil
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from pulumi.runtime.proto import language_pb2

from kokunai.airgap.errors import AirgapError
from kokunai.airgap.language_host.children import Children
from kokunai.airgap.language_host.interpreters import (
    find_ambient_interpreter,
    name_virtualenv,
    read_options,
)
from kokunai.airgap.language_host.output import stream_output


def plan_installation(
    info: language_pb2.ProgramInfo, directory: Path, *, is_plugin: bool
) -> list[list[str]]:
    """Return the commands, in order; none of them shall run when an earlier one failed."""
    if read_options(info).get("toolchain") == "uv":
        return [[find_uv(), "sync"]]
    virtualenv = name_virtualenv(info, is_plugin=is_plugin)
    wanted = name_requirements(directory)
    if virtualenv is None and is_plugin and wanted:
        virtualenv = Path(info.root_directory) / "venv"
    if virtualenv is None:
        return [pip_install(find_ambient_interpreter().executable, wanted)] if wanted else []
    python = virtualenv / "bin" / "python"
    # pip comes last: a creation that was cut short left a Python without it.
    whole = python.exists() and (virtualenv / "bin" / "pip").exists()
    creation = [] if whole else [[sys.executable, "-m", "venv", str(virtualenv)]]
    return [*creation, pip_install(str(python), wanted)] if wanted else creation


def name_requirements(directory: Path) -> list[str]:
    """Return pip's arguments for what the directory says it needs."""
    if (directory / "requirements.txt").is_file():
        return ["-r", "requirements.txt"]
    if (directory / "pyproject.toml").is_file():
        return ["-e", "."]
    return []


def pip_install(python: str, wanted: list[str]) -> list[str]:
    return [python, "-m", "pip", "install", "--disable-pip-version-check", *wanted]


def find_uv() -> str:
    uv = shutil.which("uv")
    if uv is None:
        raise AirgapError(
            ja="toolchain: uv と書かれていますが、uv が PATH にありません。",
            en="the project says `toolchain: uv`, but there is no uv on PATH",
        )
    return uv


def describe_environment(info: language_pb2.ProgramInfo) -> dict[str, str]:
    """Return this process's environment; uv reads there where the project wants its own."""
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
        check_success(command, exit_code)


def check_success(command: list[str], exit_code: int) -> None:
    if exit_code:
        line = shlex.join(command)
        raise AirgapError(
            ja=f"依存関係を用意できませんでした（終了コード {exit_code}）: {line}",
            en=f"the dependencies could not be installed (exit code {exit_code}): {line}",
        )
