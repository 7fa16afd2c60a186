"""Puts the own language host beside the built engine, in a directory per Python environment."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

_MARK = ".kokunai-engine"
_HOST = Path(__file__).parent / "language_host" / "__main__.py"


def is_ours(directory: Path) -> bool:
    """Whether this module made `directory`, so that nothing in it is official."""
    # Path.exists would raise for a folder of PATH without permission; os.access returns false.
    return os.access(directory / _MARK, os.F_OK)


def mark_as_ours(directory: Path) -> None:
    """Leave the mark that `is_ours` looks for."""
    (directory / _MARK).touch()


def place_wrapper(pulumi: Path, hosts: Path) -> Path:
    """A directory with the engine and its language host for this Python environment.

    The engine warns about a language host that it finds on PATH and not beside itself, and
    environments differ in their Python: so each gets its own directory with a link to the engine.
    """
    key = hashlib.sha256(f"{pulumi}\n{sys.prefix}\n{_HOST}".encode()).hexdigest()[:16]
    directory = hosts / key
    if _is_complete(directory, pulumi):
        return directory
    hosts.mkdir(parents=True, exist_ok=True)
    _clear_orphans(hosts)
    draft = Path(tempfile.mkdtemp(dir=hosts, prefix=".draft-"))
    try:
        _fill(draft, pulumi)
        _put_in_place(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return directory


def _is_complete(directory: Path, pulumi: Path) -> bool:
    try:
        written = (directory / "pulumi-language-python").read_text(encoding="utf-8")
        return written == _script() and (directory / "pulumi").samefile(pulumi)
    except OSError:
        return False


def _fill(directory: Path, pulumi: Path) -> None:
    directory.chmod(0o755)
    mark_as_ours(directory)
    try:
        # A symbolic link would not do: the engine resolves it and looks beside the original.
        (directory / "pulumi").hardlink_to(pulumi)
    except OSError:
        shutil.copy2(pulumi, directory / "pulumi")
    script = directory / "pulumi-language-python"
    script.write_text(_script(), encoding="utf-8")
    script.chmod(0o755)


def _script() -> str:
    """The language host as a shell script, because a `#!` line limits paths and arguments."""
    command = shlex.join([sys.executable, "-P", str(_HOST)])
    return f'#!/bin/sh\nexec {command} "$@"\n'


def _clear_orphans(hosts: Path) -> None:
    """Remove the directories of Python environments that are gone; each has a link to an engine."""
    for directory in hosts.iterdir():
        with contextlib.suppress(OSError, IndexError):
            script = (directory / "pulumi-language-python").read_text(encoding="utf-8")
            python = shlex.split(script.splitlines()[1])[1]
            if not Path(python).exists():
                shutil.rmtree(directory)


def _put_in_place(draft: Path, directory: Path) -> None:
    """Rename the draft to its place; the equal result of a faster process is kept."""
    if directory.exists():
        stale = directory.with_name(f".stale-{os.getpid()}-{directory.name}")
        with contextlib.suppress(OSError):
            directory.rename(stale)
        shutil.rmtree(stale, ignore_errors=True)
    with contextlib.suppress(FileExistsError):
        _rename_to_new(draft, directory)


def _rename_to_new(draft: Path, directory: Path) -> None:
    """Rename. Raises FileExistsError when another process has just made the directory."""
    try:
        draft.rename(directory)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise FileExistsError(directory) from error
        raise
