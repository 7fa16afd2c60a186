"""Decides which Python runs a program, a plugin or a pack."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi.runtime.proto import language_pb2


@dataclass(frozen=True)
class Interpreter:
    """A Python, and the virtual environment it belongs to if there is one."""

    executable: str
    virtualenv: Path | None

    def activate(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The variables in `environment` as an activated virtual environment has them."""
        active = dict(environment)
        if self.virtualenv:
            active.pop("PYTHONHOME", None)
            active["VIRTUAL_ENV"] = str(self.virtualenv)
            search = active.get("PATH", os.defpath)
            active["PATH"] = f"{self.virtualenv / 'bin'}{os.pathsep}{search}"
        return active

    def site_packages(self) -> list[str]:
        """Where this Python's distributions are, without starting it."""
        if self.virtualenv is None or self.virtualenv == Path(sys.prefix):
            return [entry for entry in sys.path if Path(entry).is_dir()]
        return [str(path) for path in self.virtualenv.glob("lib*/python3*/site-packages")]


def read_options(info: language_pb2.ProgramInfo) -> dict[str, str]:
    """The runtime options of the project file as text."""
    return {key: str(value) for key, value in info.options.items() if value is not None}


def name_virtualenv(info: language_pb2.ProgramInfo, *, is_plugin: bool = False) -> Path | None:
    """The directory the options name; a plugin's `venv` counts where it exists."""
    options = read_options(info)
    toolchain = options.get("toolchain", "pip")
    if toolchain not in ("pip", "uv"):
        raise KokunaiError(
            ja=f"toolchain {toolchain} には対応していません。使えるもの: pip, uv",
            en=f"the toolchain {toolchain} is not supported; supported: pip, uv",
        )
    root = Path(info.root_directory)
    named = options.get("virtualenv")
    if named:
        return root / Path(named).expanduser()
    if toolchain == "uv":
        return root / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv")
    default = root / "venv"
    return default if is_plugin and default.is_dir() else None


def find_interpreter(info: language_pb2.ProgramInfo, *, is_plugin: bool = False) -> Interpreter:
    """The Python of the project's virtual environment, else the ambient one."""
    virtualenv = name_virtualenv(info, is_plugin=is_plugin)
    if virtualenv is None:
        return find_ambient_interpreter()
    executable = virtualenv / "bin" / "python"
    if not os.access(executable, os.X_OK):
        raise KokunaiError(
            ja=f"仮想環境 {virtualenv} がありません。`pulumi install` で作るか、"
            f"{info.root_directory} の設定の virtualenv を直してください。",
            en=f"there is no virtual environment at {virtualenv}: create it with `pulumi install`, "
            f"or correct `virtualenv` in the project file in {info.root_directory}",
        )
    return Interpreter(str(executable), virtualenv)


async def read_python_version(executable: str) -> str:
    """What that Python calls its version, for example `3.11.7`."""
    asked = await asyncio.create_subprocess_exec(
        *(executable, "-I", "-S", "-c", "import platform; print(platform.python_version())"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await asked.communicate()
    return answer.decode().strip()


def find_ambient_interpreter() -> Interpreter:
    """The Python named by PULUMI_PYTHON_CMD, else the one that runs this host."""
    named = os.environ.get("PULUMI_PYTHON_CMD")
    if named:
        return Interpreter(named, None)
    inside = sys.prefix != sys.base_prefix
    return Interpreter(sys.executable, Path(sys.prefix) if inside else None)
