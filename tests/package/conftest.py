"""The wheel, built once from the sources, and an environment that has nothing else of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SOURCES = ("components", "policies", "playbooks", "pyproject.toml", "README.md", "LICENSE")
_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
# Ansible is started as a program beside the Python that runs the plugin.
_ANSIBLE = '#!/bin/sh\nexec "$(dirname "$0")/python" -m ansible playbook "$@"\n'


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because setuptools writes beside what it builds, and without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=_LEFT_BEHIND)
        else:
            shutil.copy(ROOT / name, source)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, source], check=True
    )
    return next(folder.glob("*.whl"))


@pytest.fixture
def project(tmp_path: Path, wheel: Path) -> Path:
    """A folder with nothing but a virtual environment that has the wheel."""
    directory = tmp_path / "国内 の GPU"
    make_environment(directory / ".venv", wheel)
    return directory


def make_environment(directory: Path, wheel: Path) -> None:
    """A virtual environment with the wheel installed and, by path, our dependencies.

    The dependencies come from the environment of the tests, so that no package index is asked;
    a path file inside a path file is not read, so the checkout that is installed there for
    development stays out, and only the wheel provides Kokunai.
    """
    venv.create(directory, symlinks=True, with_pip=False)
    site = next(directory.glob("lib/python3*/site-packages"))
    ours = (str(ROOT / "components"), str(ROOT / "policies"))
    folders = [entry for entry in sys.path if entry.endswith("-packages") and entry not in ours]
    (site / "dependencies.pth").write_text("".join(f"{folder}\n" for folder in folders))
    python = directory / "bin/python"
    options = (
        "--no-deps",
        "--no-index",
        "--quiet",
        "--ignore-installed",
        "--no-warn-script-location",
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", *options, wheel],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    playbook = directory / "bin/ansible-playbook"
    playbook.write_text(_ANSIBLE)
    playbook.chmod(0o755)
