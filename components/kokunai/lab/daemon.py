"""The lab's daemon: serves all emulators over HTTP and controls the hosts behind them."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import logging
import os
import signal
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import uvicorn

from kokunai.errors import KokunaiError
from kokunai.lab.application import build
from kokunai.lab.delays import Delays
from kokunai.lab.machines import HOST_KINDS, NoMachines
from kokunai.lab.places import Places
from kokunai.lab.port_slots import claim
from kokunai.lab.services import Services
from kokunai.lab.state_file import SavedState, read_state_file, write_pid, write_state_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from kokunai.lab.machines import Machines
    from kokunai.lab.port_slots import PortSlot

_LOG = logging.getLogger("kokunai.lab")
_STOP_SECONDS = 3
_KEEP_ALIVE_SECONDS = 75
_RESUME_SECONDS = 300
_LOOK_SECONDS = 3


class StartPipe:
    """Reports the progress of the start to the waiting `lab up`, one JSON line per event."""

    def __init__(self, descriptor: int | None) -> None:
        self._pipe: IO[str] | None = None
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            self._pipe = os.fdopen(descriptor, "w", encoding="utf-8")

    def progress(self, message: str) -> None:
        """Report a step of a slow start."""
        self._write({"event": "progress", "message": message})

    def ready(self) -> None:
        """Report that everything of an earlier run is restored."""
        self._write({"event": "ready"})

    def failed(self, error: KokunaiError) -> None:
        """Report why the daemon ends."""
        self._write({"event": "failed", "ja": error.ja, "en": error.en})

    def _write(self, event: dict[str, str]) -> None:
        try:
            if self._pipe is not None:
                print(json.dumps(event), file=self._pipe, flush=True)
        except OSError:
            self._pipe = None  # The command that waited has ended.


def run(directory: Path, hosts: str, delays: dict[str, float], pipe: StartPipe) -> None:
    """Serve until a signal comes. Raises KokunaiError when the daemon cannot start."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(directory)
    # Written before anything slow, so that `lab down` can stop a long start.
    write_pid(Places(directory))
    slot, services = _open(directory, hosts, delays, pipe)
    try:
        # The socket listens already: calls that come too early wait in its queue.
        services.resume()
        threading.Thread(target=_watch, args=(services, pipe), daemon=True).start()
        server = _server(services)
        # uvicorn restores these handlers when it ends, so they also hold during the clean-up
        # below.
        _on_signals(lambda *_: setattr(server, "should_exit", True))
        asyncio.run(server.serve(sockets=[slot.server]))
    finally:
        services.close()
        slot.places.pid_file.unlink(missing_ok=True)
        lock.close()


def _lock(directory: Path) -> IO[str]:
    """Lock the stores for the life of the process, so that no second daemon uses them."""
    handle = (directory / "daemon.lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise KokunaiError(
            ja=f"このラボはすでに動いています: {directory}",
            en=f"This lab is already running: {directory}",
        ) from None
    return handle


def _open(
    directory: Path, hosts: str, delays: dict[str, float], pipe: StartPipe
) -> tuple[PortSlot, Services]:
    """Take a port, choose the kind of hosts, and record both."""
    saved = read_state_file(directory)
    slot = claim(directory, saved.slot if saved else None)
    machines = _machines(slot.places, hosts, pipe)
    if saved and saved.slot != slot.places.slot:
        # Hosts that still run have addresses of the old slot, which another lab has taken.
        machines.tear_down()
    if machines.kind != "none":
        # Shares and logs of hosts are private, also in a directory that existed before.
        (directory / "hosts").chmod(0o700)
    wanted = {**(saved.delays if saved else {}), **delays}
    write_state_file(directory, SavedState(slot.places.slot, machines.kind, wanted, str(directory)))
    _LOG.info("port %s, hosts %s: %s", slot.places.port, machines.kind, machines.limits)
    return slot, Services(slot.places, machines, Delays.parse(wanted))


def _machines(places: Places, kind: str, pipe: StartPipe) -> Machines:
    if kind == "none":
        return NoMachines()
    # Imported late, so that the APIs start even where the host side cannot be imported.
    from kokunai.lab import hosts

    hosts.prepare_start(pipe.progress, kind)
    return hosts.choose(places, kind or None)


def _server(services: Services) -> uvicorn.Server:
    config = uvicorn.Config(
        build(services),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)


def _watch(services: Services, pipe: StartPipe) -> None:
    """Report when everything of an earlier run is restored, then watch the hosts."""
    deadline = time.monotonic() + _RESUME_SECONDS
    while services.busy() and time.monotonic() < deadline:
        time.sleep(0.02)
    pipe.ready()
    while True:
        time.sleep(_LOOK_SECONDS)
        try:
            services.look()
        except (KokunaiError, OSError, sqlite3.Error) as problem:
            _LOG.warning("cannot look after the hosts: %s", problem)


def _on_signals(handler: Callable[..., None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handler)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kokunai-lab")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--hosts", choices=("", *HOST_KINDS), default="")
    parser.add_argument("--delays", type=json.loads, default={})
    parser.add_argument("--start-pipe", type=int)
    return parser.parse_args()


def main() -> int:
    """Entry point of the process that `kokunai lab up` starts; returns its exit code."""
    arguments = _arguments()
    # This process makes root file systems, whose files the services of a host must be able to read.
    os.umask(0o022)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    pipe = StartPipe(arguments.start_pipe)
    _on_signals(lambda *_: sys.exit(0))
    try:
        run(arguments.directory.resolve(), arguments.hosts, arguments.delays, pipe)
    except (KokunaiError, OSError, sqlite3.Error) as problem:
        _LOG.exception("the lab ends")
        pipe.failed(_start_error(problem, arguments.directory))
        return 1
    return 0


def _start_error(problem: Exception, directory: Path) -> KokunaiError:
    if isinstance(problem, KokunaiError):
        return problem
    if isinstance(problem, (OSError, sqlite3.OperationalError)):
        # A full disk or a missing permission; the stored state is intact and must be kept.
        return KokunaiError(
            ja=f"ラボの置き場所を利用できません（{problem}）: {directory}",
            en=f"The lab's place could not be used ({problem}): {directory}",
        )
    return KokunaiError(
        ja=f"保存した状態を読めません（{problem}）。"
        f"kokunai lab down --purge で消せます: {directory}",
        en=f"The stored state is unreadable ({problem}); `kokunai lab down --purge` removes it.",
    )


if __name__ == "__main__":
    sys.exit(main())
