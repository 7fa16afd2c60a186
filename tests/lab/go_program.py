"""Builds a Go program of the tests once for each version of its folder, and keeps it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kokunai"


def built(source: Path, name: str, *arguments: str) -> Path:
    """The program that `go ARGUMENTS -o PROGRAM` makes in a copy of the folder `source`.

    Skips the test where Go is not installed. Go writes go.sum beside go.mod, and the folder of
    the tests stays as it is.
    """
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    digest = hashlib.sha256(" ".join(arguments).encode())
    for path in sorted(source.iterdir()):
        digest.update(path.read_bytes())
    program = CACHE / f"{name}-{digest.hexdigest()[:12]}"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _build(source, program, arguments)
    return program


def _build(source: Path, program: Path, arguments: tuple[str, ...]) -> None:
    partial = program.with_suffix(f".{os.getpid()}")
    folder = partial.with_suffix(".source")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    what, *rest = arguments
    command = ["go", what, "-mod=mod", "-o", str(partial), *rest]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    partial.rename(program)
    shutil.rmtree(folder)
