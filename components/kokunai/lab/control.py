"""Starting, stopping and asking a lab from outside its process; light, so that asking is quick."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

from .machines import MachinesError
from .places import Places
from .record import living_pid, places_of, read_record, started_at, write_record

State = dict[str, Any]
Progress = Callable[[str], None]
_STOP_SECONDS = 15
_LOG_BYTES = 16 * 1024 * 1024
_PROBED_SLOTS = 4
_KEPT = (
    "動いているラボの設定は変わりません。変えるには先に kokunai lab down を。\n"
    "The running lab keeps its settings; to change them, `kokunai lab down` first."
)
_FILES = (
    *("lab.json", "lab.partial", "lab.pid", "lab.log", "lab.log.old"),
    *("store.sqlite", "store.sqlite-shm", "store.sqlite-wal", "store.sqlite-journal"),
    *("daemon.lock", "control.lock"),
)
"""All that a lab writes into its directory, beside the folder `hosts`."""


def find_directory(start: Path) -> Path:
    """`.kokunai/lab` of the project that holds the directory."""
    for folder in (start, *start.parents):
        if (folder / "Pulumi.yaml").exists():
            return folder / ".kokunai" / "lab"
    return start / ".kokunai" / "lab"


def ask(places: Places, path: str = "/_lab/state", *, seconds: float = 5) -> State | None:
    """The lab's answer, or None when it gives none or another lab answers."""
    connection = http.client.HTTPConnection("127.0.0.1", places.port, timeout=seconds)
    try:
        connection.request("GET", path)
        state: Any = json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    if not isinstance(state, dict) or state.get("lab_id") != places.lab_id:
        return None
    return cast("State", state)


def state_of(directory: Path) -> State | None:
    """What the running lab says; None when it is not running."""
    places = places_of(directory)
    return ask(places) if living_pid(places) else None


@contextmanager
def _alone(directory: Path, progress: Progress) -> Iterator[None]:
    """One `up` or `down` of a lab at a time."""
    path = directory / "control.lock"
    while True:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("w") as handle:
            _lock(handle, progress)
            # The one before may have purged the directory and this lock with it.
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


def up(directory: Path, hosts: str, delays: dict[str, float], progress: Progress) -> State:
    """Start the lab or find it running; MachinesError says why it cannot start."""
    state = state_of(directory)
    if state is not None:
        if delays or hosts not in ("", state["machines"]["kind"]):
            progress(_KEPT)
        return state
    with _alone(directory, progress):
        _leave_old_place(directory, progress)
        state = state_of(directory)
        if state is None:
            _kill_deaf(places_of(directory))
            _start(directory, hosts, delays, progress)
            state = state_of(directory)
    if state is None:
        raise MachinesError(_died(places_of(directory)))
    return state


def _kill_deaf(places: Places) -> None:
    """A daemon that does not answer, or whose files are gone, is of no use and in the way."""
    pid = _find_daemon(places)
    if pid:
        _stop(pid)


def _start(directory: Path, hosts: str, delays: dict[str, float], progress: Progress) -> None:
    record = read_record(directory)
    kind = hosts or (record.hosts if record else "")
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "kokunai.lab.daemon", "--directory", str(directory)]
    command += ["--hosts", kind, "--delays", json.dumps(delays), "--herald", str(writing)]
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
    """Until the daemon is ready, says what failed, or dies, which closes the pipe."""
    for line in events:
        event = json.loads(line)
        if event["event"] == "failed":
            raise MachinesError(event["message"])
        if event["event"] == "ready":
            return
        if event["message"]:
            progress(event["message"])


def _died(places: Places) -> str:
    lines: list[str] = []
    if places.log.exists():
        lines = places.log.read_text("utf-8", "replace").splitlines()[-5:]
    tail = "\n".join(f"  {line}" for line in lines)
    return f"ラボを起動できませんでした: {places.log}\nThe lab did not start: {places.log}\n{tail}"


def _find_daemon(places: Places) -> int:
    """By its file; where that is lost, by who answers on the lab's ports."""
    pid = living_pid(places)
    if pid:
        return pid
    for slot in {places.slot, *range(_PROBED_SLOTS)}:
        state = ask(Places(places.directory, slot), seconds=1)
        if state is not None:
            return int(state["pid"])
    return 0


def _stop(pid: int) -> None:
    """Ask first, then kill; only while it is still the same process."""
    start = started_at(pid)
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, 5)):
        if not start or started_at(pid) != start:
            return
        os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while started_at(pid) == start and time.monotonic() < deadline:
            time.sleep(0.02)


def down(directory: Path, *, purge: bool, progress: Progress) -> None:
    """Stop the daemon and take down every host, from whatever state the lab is in."""
    existed = directory.exists()
    with _alone(directory, progress):
        _leave_old_place(directory, progress)
        places, record = places_of(directory), read_record(directory)
        pid = _find_daemon(places)
        if pid:
            _stop(pid)
        places.pid_file.unlink(missing_ok=True)
        if (record and record.hosts not in ("", "none")) or _left_hosts(places):
            _tear_down(places, progress)
        if purge or not existed:
            _purge(directory)


def _leave_old_place(directory: Path, progress: Progress) -> None:
    """End what runs under the names of the place a lab was moved from; a copied one stays there."""
    record = read_record(directory)
    if record is None or record.directory in ("", str(directory)):
        return
    old = Places(Path(record.directory), record.slot)
    if not old.directory.exists():
        pid = _find_daemon(old)
        if pid:
            _stop(pid)
        if record.hosts not in ("", "none"):
            _tear_down(old, progress)
    write_record(directory, replace(record, directory=str(directory)))


def _left_hosts(places: Places) -> bool:
    """Whether the machine holds hosts that the record does not tell of."""
    return any(Path("/run/netns").glob(f"{places.namespace}*"))


def _tear_down(places: Places, progress: Progress) -> None:
    from .hosts import tear_down  # The host side is slow to import.

    progress("ホストを片付けています。 Removing the hosts.")
    tear_down(places)


def _purge(directory: Path) -> None:
    """Only what a lab wrote: a mistyped directory and its files must survive."""
    is_lab = any((directory / name).exists() for name in ("lab.json", "daemon.lock"))
    if is_lab and (directory / "hosts").is_dir():
        shutil.rmtree(directory / "hosts")
    for name in _FILES if is_lab else ("control.lock",):
        (directory / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # Not empty: somebody else's files are there too.
        directory.rmdir()
