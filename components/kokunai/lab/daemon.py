"""The lab's one process: all emulators over HTTP, and the hosts behind them."""

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
    """Tells the waiting `lab up` how far the start is, one JSON line an event."""

    def __init__(self, descriptor: int | None) -> None:
        self._pipe: IO[str] | None = None
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            self._pipe = os.fdopen(descriptor, "w", encoding="utf-8")

    def progress(self, message: str) -> None:
        """One step of a slow start."""
        self._write({"event": "progress", "message": message})

    def ready(self) -> None:
        """Everything of an earlier run is back."""
        self._write({"event": "ready"})

    def failed(self, error: KokunaiError) -> None:
        """The daemon ends."""
        self._write({"event": "failed", "ja": error.ja, "en": error.en})

    def _write(self, event: dict[str, str]) -> None:
        try:
            if self._pipe is not None:
                print(json.dumps(event), file=self._pipe, flush=True)
        except OSError:
            self._pipe = None  # The command that waited has ended.


def run(directory: Path, hosts: str, delays: dict[str, float], pipe: StartPipe) -> None:
    """Serve until a signal ends it; raises KokunaiError when it cannot start."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(directory)
    # Written before anything slow, so that `lab down` can stop a start that takes long.
    write_pid(Places(directory))
    slot, services = _open(directory, hosts, delays, pipe)
    try:
        # The socket listens already: calls that come too early wait in its queue.
        services.resume()
        threading.Thread(target=_watch, args=(services, pipe), daemon=True).start()
        server = _server(services)
        # uvicorn puts the handlers that it finds back when it ends, so that these are in force
        # during the clean-up below.
        _on_signals(lambda *_: setattr(server, "should_exit", True))
        asyncio.run(server.serve(sockets=[slot.server]))
    finally:
        services.close()
        slot.places.pid_file.unlink(missing_ok=True)
        lock.close()


def _lock(directory: Path) -> IO[str]:
    """Held for life: never two daemons on the same stores."""
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
    """Take a port, find out what hosts there can be, and write both down."""
    saved = read_state_file(directory)
    slot = claim(directory, saved.slot if saved else None)
    machines = _machines(slot.places, hosts, pipe)
    if saved and saved.slot != slot.places.slot:
        # Hosts that still run have addresses of the slot that somebody else took.
        machines.tear_down()
    if machines.kind != "none":
        # Shares and logs of hosts are private, also in a directory that was there before.
        (directory / "hosts").chmod(0o700)
    wanted = {**(saved.delays if saved else {}), **delays}
    write_state_file(directory, SavedState(slot.places.slot, machines.kind, wanted, str(directory)))
    _LOG.info("port %s, hosts %s: %s", slot.places.port, machines.kind, machines.limits)
    return slot, Services(slot.places, machines, Delays.parse(wanted))


def _machines(places: Places, kind: str, pipe: StartPipe) -> Machines:
    if kind == "none":
        return NoMachines()
    # Imported late: the APIs alone must start where the host side cannot be imported.
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
    """Tell when everything of an earlier run is back, then look after the hosts."""
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
    # Root file systems are made here, and a service of a host must be able to read its files.
    os.umask(0o022)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    pipe = StartPipe(arguments.start_pipe)
    _on_signals(lambda *_: sys.exit(0))
    try:
        run(arguments.directory.resolve(), arguments.hosts, arguments.delays, pipe)
    except (KokunaiError, OSError, sqlite3.Error) as problem:
        _LOG.exception("the lab ends")
        pipe.failed(_explained(problem, arguments.directory))
        return 1
    return 0


def _explained(problem: Exception, directory: Path) -> KokunaiError:
    if isinstance(problem, KokunaiError):
        return problem
    if isinstance(problem, (OSError, sqlite3.OperationalError)):
        # A full disk or a missing right: the stored state is fine and must not be thrown away.
        return KokunaiError(
            ja=f"ラボの置き場所を利用できません({problem}): {directory}",
            en=f"The lab's place could not be used ({problem}): {directory}",
        )
    return KokunaiError(
        ja=f"保存した状態を読めません({problem})。kokunai lab down --purge で消せます: {directory}",
        en=f"The stored state is unreadable ({problem}); `kokunai lab down --purge` removes it.",
    )


if __name__ == "__main__":
    sys.exit(main())
