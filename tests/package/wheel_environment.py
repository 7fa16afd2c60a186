"""A virtual environment in which only the wheel provides Kokunai."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

# Ansible is started as a program beside the Python that runs the plugin.
_ANSIBLE = '#!/bin/sh\nexec "$(dirname "$0")/python" -m ansible playbook "$@"\n'


def make_environment(directory: Path, wheel: Path) -> None:
    """A virtual environment with the wheel installed and, by path, our dependencies.

    The dependencies come from the environment of the tests, so that no package index is asked;
    a path file inside a path file is not read, so the checkout that is installed there for
    development stays out, and only the wheel provides Kokunai.
    """
    venv.create(directory, symlinks=True, with_pip=False)
    site = next(directory.glob("lib/python3*/site-packages"))
    folders = [entry for entry in sys.path if entry.endswith("-packages")]
    (site / "dependencies.pth").write_text("".join(f"{folder}\n" for folder in folders))
    python = directory / "bin/python"
    options = ("--no-deps", "--no-index", "--quiet", "--ignore-installed")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", *options, wheel],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    playbook = directory / "bin/ansible-playbook"
    playbook.write_text(_ANSIBLE)
    playbook.chmod(0o755)
