"""The wheel, built once from the sources, and an environment that has nothing else of ours."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from wheel_environment import make_environment

ROOT = Path(__file__).parents[2]
_SOURCES = ("components", "policies", "playbooks", "pyproject.toml", "README.md", "LICENSE")
_LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")


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


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A folder with nothing but a virtual environment that has the wheel; only looked at."""
    directory = tmp_path_factory.mktemp("project") / "国内 の GPU"
    make_environment(directory / ".venv", wheel)
    return directory
