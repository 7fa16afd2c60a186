"""Keeps the built engine between runs and lets one process at a time build it."""

import contextlib
import fcntl
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from kokunai.airgap.progress import say, showing
from kokunai.airgap.release import VERSION
from kokunai.airgap.wrapper import mark_as_ours

_TICK_SECONDS = 0.2


def find_cache() -> Path:
    """Return the directory of engines, which need not exist yet."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The XDG specification says to ignore a relative path.
    base = named if named.is_absolute() else Path.home() / ".cache"
    return base / "kokunai" / "engine"


def name_built(cache: Path) -> Path:
    """Return where an engine of this version lies; machines of two kinds may share a home."""
    return cache / f"{VERSION}-{platform.machine()}"


def find_built(cache: Path) -> Path | None:
    """Return the finished engine: only a whole one is ever renamed to this name."""
    pulumi = name_built(cache) / "bin" / "pulumi"
    return pulumi if os.access(pulumi, os.X_OK) else None


def keep(cache: Path, make: Callable[[Path], Path]) -> Path:
    """Return the engine in `cache`, calling `make` with an empty directory when there is none.

    `make` returns the path of the executable it made in that directory.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with lock(cache):
        built = find_built(cache)
        if built:
            return built
        clear_leftovers(cache)
        draft = Path(tempfile.mkdtemp(dir=cache, prefix=".building-"))
        try:
            return publish(cache, make(draft))
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def publish(cache: Path, executable: Path) -> Path:
    """Move a verified executable to its name, in one step."""
    whole = Path(tempfile.mkdtemp(dir=cache, prefix=".building-"))
    binaries = whole / "bin"
    binaries.mkdir()
    whole.chmod(0o755)
    with executable.open("rb") as file:
        os.fsync(file.fileno())  # else a power cut may leave the name without the content
    executable.rename(binaries / "pulumi")
    mark_as_ours(binaries)
    final = name_built(cache)
    shutil.rmtree(final, ignore_errors=True)
    whole.rename(final)
    return final / "bin" / "pulumi"


def clear_leftovers(cache: Path) -> None:
    """Remove what a killed build left; the caller holds the lock, so no build is running."""
    for leftover in cache.glob(".building-*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def lock(cache: Path) -> Iterator[None]:
    """Hold the cache alone; the kernel releases it when the holder dies."""
    with (cache / ".lock").open("a") as file:
        wait_for(file.fileno())
        yield


def wait_for(descriptor: int) -> None:
    if take(descriptor):
        return
    say("別のプロセスがエンジンを用意しています。\nAnother process is preparing the engine.")
    with showing("待機 / waiting") as elapsed:
        while not take(descriptor):
            elapsed.tick()
            time.sleep(_TICK_SECONDS)


def take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
