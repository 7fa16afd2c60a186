"""Puts our language host beside the built engine, one directory for each Python environment."""

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
    """Whether this project made `directory`; nothing official lies there."""
    # os.path: a folder of PATH we may not look into is an answer here, not an error.
    return os.path.exists(directory / _MARK)  # noqa: PTH110


def mark_as_ours(directory: Path) -> None:
    (directory / _MARK).touch()


def place_wrapper(pulumi: Path, hosts: Path) -> Path:
    """Return a directory with the engine and its language host for this Python environment.

    The engine warns about a language host that it finds on PATH and not beside itself, and
    environments differ in their Python: so each gets its own directory with a link to the engine.
    """
    key = hashlib.sha256(f"{pulumi}\n{sys.prefix}\n{_HOST}".encode()).hexdigest()[:16]
    directory = hosts / key
    if is_complete(directory, pulumi):
        return directory
    hosts.mkdir(parents=True, exist_ok=True)
    clear_orphans(hosts)
    draft = Path(tempfile.mkdtemp(dir=hosts, prefix=".draft-"))
    try:
        fill(draft, pulumi)
        put_in_place(draft, directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return directory


def is_complete(directory: Path, pulumi: Path) -> bool:
    try:
        written = (directory / "pulumi-language-python").read_text(encoding="utf-8")
        return written == write_script() and (directory / "pulumi").samefile(pulumi)
    except OSError:
        return False


def fill(directory: Path, pulumi: Path) -> None:
    directory.chmod(0o755)
    mark_as_ours(directory)
    try:
        # A symbolic link would not do: the engine resolves it and looks beside the original.
        (directory / "pulumi").hardlink_to(pulumi)
    except OSError:
        shutil.copy2(pulumi, directory / "pulumi")
    script = directory / "pulumi-language-python"
    script.write_text(write_script(), encoding="utf-8")
    script.chmod(0o755)


def write_script() -> str:
    """Return a shell script: a `#!` line allows neither long paths nor two arguments."""
    command = shlex.join([sys.executable, "-P", str(_HOST)])
    return f'#!/bin/sh\nexec {command} "$@"\n'


def clear_orphans(hosts: Path) -> None:
    """Remove the directories of Python environments that are gone: each holds on to an engine."""
    for directory in hosts.iterdir():
        with contextlib.suppress(OSError, IndexError):
            script = (directory / "pulumi-language-python").read_text(encoding="utf-8")
            python = shlex.split(script.splitlines()[1])[1]
            if not Path(python).exists():
                shutil.rmtree(directory)


def put_in_place(draft: Path, directory: Path) -> None:
    """Rename over what is there; another process that was faster has made the same."""
    if directory.exists():
        stale = directory.with_name(f".stale-{os.getpid()}-{directory.name}")
        with contextlib.suppress(OSError):
            directory.rename(stale)
        shutil.rmtree(stale, ignore_errors=True)
    with contextlib.suppress(FileExistsError):
        rename_to_new(draft, directory)


def rename_to_new(draft: Path, directory: Path) -> None:
    """Rename; FileExistsError when another process has just put its own there."""
    try:
        draft.rename(directory)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise FileExistsError(directory) from error
        raise
