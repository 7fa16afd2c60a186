"""Keeps the built engine between runs and lets one process at a time build it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.airgap.versions import VERSION
from kokunai.airgap.wrapper import mark_as_ours
from kokunai.progress import say, showing
from kokunai.surroundings import home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TICK_SECONDS = 0.2


def find_cache() -> Path:
    """The directory of engines, which need not exist yet."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification says to ignore a relative path.
    base = named if named.is_absolute() else home() / ".cache"
    return base / "kokunai" / "engine"


def _built_directory(cache: Path) -> Path:
    """The directory of this engine version and machine type, since machines may share a home."""
    return cache / f"{VERSION}-{platform.machine()}"


def find_built(cache: Path) -> Path | None:
    """The finished engine, or None; it gets this name only when it is complete."""
    pulumi = _built_directory(cache) / "bin" / "pulumi"
    return pulumi if os.access(pulumi, os.X_OK) else None


def keep(cache: Path, make: Callable[[Path], Path]) -> Path:
    """The engine in `cache`; when there is none, what `make` builds is kept there first.

    `make` gets an empty directory and returns the path of the executable it made in it.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache):
        built = find_built(cache)
        if built:
            return built
        _clear_leftovers(cache)
        draft = Path(tempfile.mkdtemp(dir=cache, prefix=".building-"))
        try:
            return _publish(cache, make(draft))
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _publish(cache: Path, executable: Path) -> Path:
    """Move a verified executable to its name, in one step."""
    whole = Path(tempfile.mkdtemp(dir=cache, prefix=".building-"))
    binaries = whole / "bin"
    binaries.mkdir()
    whole.chmod(0o755)
    with executable.open("rb") as file:
        # Otherwise a power cut could leave a file with this name but without its content.
        os.fsync(file.fileno())
    executable.rename(binaries / "pulumi")
    mark_as_ours(binaries)
    final = _built_directory(cache)
    shutil.rmtree(final, ignore_errors=True)
    whole.rename(final)
    return final / "bin" / "pulumi"


def _clear_leftovers(cache: Path) -> None:
    """Remove what a killed build left; the caller holds the lock, so no build is running."""
    for leftover in cache.glob(".building-*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Hold the cache alone; the kernel releases the lock of a process that dies."""
    with (cache / ".lock").open("a") as file:
        _wait_for(file.fileno())
        yield


def _wait_for(descriptor: int) -> None:
    """Take the lock, saying so when another process holds it."""
    if _take(descriptor):
        return
    say("別のプロセスがエンジンを用意しています。\nAnother process is preparing the engine.")
    with showing("待機 / waiting") as elapsed:
        while not _take(descriptor):
            elapsed.tick()
            time.sleep(_TICK_SECONDS)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
