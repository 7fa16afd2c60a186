"""Starts and stops a lab's daemon from another process, whatever state the lab is in."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from kokunai.errors import KokunaiError
from kokunai.lab import removal
from kokunai.lab.inquiry import State, find_daemon, state_of
from kokunai.lab.places import Places
from kokunai.lab.removal import refuse_mounts
from kokunai.lab.state_file import places_of, read_state_file, started_at, write_state_file

Progress = Callable[[str], None]
_STOP_SECONDS = 15
_LOG_BYTES = 16 * 1024 * 1024
_KEPT = (
    "動いているラボの設定は変わりません。変えるには、先に kokunai lab down を実行してください。\n"
    "The running lab keeps its settings; to change them, `kokunai lab down` first."
)
_FOLDERS = ("hosts", "stores")
_FILES = (
    *("lab.json", "lab.partial", "lab.pid", "lab.log", "lab.log.old"),
    *("daemon.lock", "control.lock"),
)
"""With `_FOLDERS`, everything that a lab writes into its directory."""


@contextmanager
def reporting_file_errors() -> Iterator[None]:
    """Raise an OSError of the block as a KokunaiError that names the file."""
    try:
        yield
    except BrokenPipeError:
        raise  # The reader of the output is gone, which is not a problem of a file.
    except OSError as problem:
        raise KokunaiError(
            ja=f"ファイルを利用できません: {problem}", en=f"A file could not be used: {problem}"
        ) from problem


@contextmanager
def _alone(directory: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock of a lab, so that one `up` or `down` runs at a time."""
    path = directory / "control.lock"
    while True:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("w") as handle:
            _lock(handle, progress)
            # The previous holder may have purged the directory together with the lock file.
            if _inode(path) == os.fstat(handle.fileno()).st_ino:
                yield
                return


def _lock(handle: IO[str], progress: Progress) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress("別の up か down を待っています。 Waiting for another up or down of this lab.")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _inode(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_ino
    return 0


@reporting_file_errors()
def up(directory: Path, hosts: str, delays: dict[str, float], progress: Progress) -> State:
    """Start the lab or find it running; returns its state.

    `hosts` is one of machines.HOST_KINDS or empty for the kind it had, else the best possible.
    Raises KokunaiError that says why it cannot start.
    """
    state = state_of(directory)
    if state is not None:
        if delays or hosts not in ("", state["machines"]["kind"]):
            progress(_KEPT)
        return state
    with _alone(directory, progress):
        _leave_old_place(directory, progress)
        state = state_of(directory)
        if state is None:
            _stop_unresponsive(places_of(directory))
            _start(directory, hosts, delays, progress)
            state = state_of(directory)
    if state is None:
        raise _no_start(places_of(directory).log)
    return state


def _stop_unresponsive(places: Places) -> None:
    """Stop a daemon that does not answer or whose files are gone, so that its port is free."""
    pid = find_daemon(places)
    if pid:
        _stop(pid)


def _start(directory: Path, hosts: str, delays: dict[str, float], progress: Progress) -> None:
    saved = read_state_file(directory)
    kind = hosts or (saved.hosts if saved else "")
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "kokunai.lab", "--directory", str(directory)]
    command += ["--hosts", kind, "--delays", json.dumps(delays), "--start-pipe", str(writing)]
    log_file = Places(directory).log
    if log_file.exists() and log_file.stat().st_size > _LOG_BYTES:
        log_file.replace(log_file.with_suffix(".log.old"))
    with log_file.open("a") as log:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[writing],
            start_new_session=True,
            cwd="/",
        )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as events:
        _listen(events, progress)


def _listen(events: IO[str], progress: Progress) -> None:
    """Show the daemon's progress until it is ready, reports a failure, or dies (closed pipe)."""
    for line in events:
        event = json.loads(line)
        if event["event"] == "failed":
            raise KokunaiError(ja=event["ja"], en=event["en"])
        if event["event"] == "ready":
            return
        progress(event["message"])


def _no_start(log: Path) -> KokunaiError:
    lines = log.read_text("utf-8", "replace").splitlines()[-5:] if log.exists() else []
    tail = "".join(f"\n  {line}" for line in lines)
    return KokunaiError(
        ja=f"ラボを起動できませんでした: {log}", en=f"The lab did not start: {log}{tail}"
    )


def _stop(pid: int) -> None:
    """Ask a process to end, then kill it; never another process with the same id."""
    start = started_at(pid)
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 5)):
        if not start or started_at(pid) != start:
            return
        os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while started_at(pid) == start and time.monotonic() < deadline:
            time.sleep(0.02)


@reporting_file_errors()
def down(directory: Path, *, purge: bool, progress: Progress) -> None:
    """Stop the daemon and remove every host, whatever state the lab is in."""
    existed = directory.exists()
    with _alone(directory, progress):
        _leave_old_place(directory, progress)
        places, saved = places_of(directory), read_state_file(directory)
        pid = find_daemon(places)
        if pid:
            _stop(pid)
        places.pid_file.unlink(missing_ok=True)
        if (saved and saved.hosts not in ("", "none")) or _left_hosts(places):
            _tear_down(places, progress)
        left = _purge(directory) if purge or not existed else []
    refuse_mounts(left)


def _leave_old_place(directory: Path, progress: Progress) -> None:
    """End what still runs under the names of the directory from which a lab was moved.

    A lab that was copied instead still exists in its old directory and goes on running there.
    """
    saved = read_state_file(directory)
    if saved is None or saved.directory in ("", str(directory)):
        return
    old = Places(Path(saved.directory), saved.slot)
    if not old.directory.exists():
        pid = find_daemon(old)
        if pid:
            _stop(pid)
        if saved.hosts not in ("", "none"):
            _tear_down(old, progress)
    write_state_file(directory, replace(saved, directory=str(directory)))


def _left_hosts(places: Places) -> bool:
    """Whether hosts of the lab run that its state file does not mention."""
    return any(Path("/run/netns").glob(f"{places.namespace}*"))


def _tear_down(places: Places, progress: Progress) -> None:
    from kokunai.lab.hosts import tear_down  # The host side is slow to import.

    progress("ホストを片付けています。 Removing the hosts.")
    tear_down(places)


def _purge(directory: Path) -> list[Path]:
    """Remove only what a lab writes, because the user may have mistyped the directory.

    Returns the mount points below, which stay.
    """
    is_lab = any((directory / name).exists() for name in ("lab.json", "daemon.lock"))
    left: list[Path] = []
    for folder in _FOLDERS if is_lab else ():
        if (directory / folder).is_dir():
            left += removal.remove(directory / folder, strictly=True)
    # With something left the lab stays a lab, so that the next purge removes the rest.
    for name in _FILES if is_lab and not left else ("control.lock",):
        (directory / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # Not empty: it holds other files as well.
        directory.rmdir()
    return left
