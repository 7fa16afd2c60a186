"""The lab's one process: the API emulator over HTTP, and the hosts behind it."""

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

from .access import access_of
from .api.app import build
from .api.call import Lab
from .caretaker import Caretaker, Delays
from .hosts_choice import choose_hosts, prepare_hosts
from .machines import MachinesError
from .places import Places
from .record import Record, read_record, write_pid, write_record
from .slots import Slot, claim
from .store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

_LOG = logging.getLogger("kokunai.lab")
_STOP_SECONDS = 3
_KEEP_ALIVE_SECONDS = 75
_SETTLE_SECONDS = 300
_LOOK_SECONDS = 3


class Herald:
    """Tells the waiting `lab up` how far the start is, one JSON line an event."""

    def __init__(self, descriptor: int | None) -> None:
        self._pipe: IO[str] | None = None
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            self._pipe = os.fdopen(descriptor, "w", encoding="utf-8")

    def tell(self, event: str, message: str = "") -> None:
        try:
            if self._pipe is not None:
                print(json.dumps({"event": event, "message": message}), file=self._pipe, flush=True)
        except OSError:
            self._pipe = None  # Nobody waits any more.


def _lock(directory: Path) -> IO[str]:
    """Held for life: never two daemons on one store."""
    handle = (directory / "daemon.lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise MachinesError(
            f"このラボはすでに動いています: {directory}\nThis lab is already running: {directory}"
        ) from None
    return handle


def _server(slot: Slot, lab: Lab) -> uvicorn.Server:
    config = uvicorn.Config(
        build(lab, access_of(slot.places)),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_STOP_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)


def _accompany(lab: Lab, herald: Herald) -> None:
    """Tell when everything of an earlier run is back, then look after the hosts."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while lab.caretaker.busy() and time.monotonic() < deadline:
        time.sleep(0.02)
    herald.tell("ready")
    while True:
        time.sleep(_LOOK_SECONDS)
        try:
            lab.caretaker.look()
        except (MachinesError, OSError, sqlite3.Error) as problem:
            _LOG.warning("cannot look after the hosts: %s", problem)


def run(directory: Path, hosts: str, delays: dict[str, float], herald: Herald) -> None:
    """Until a signal ends it; MachinesError when it cannot start."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(directory)
    # Before anything slow, so that who gave up waiting can still stop it.
    write_pid(Places(directory))
    record = read_record(directory)
    slot = claim(directory, record.slot if record else None)
    prepare_hosts(hosts, lambda message: herald.tell("progress", message))
    machines = choose_hosts(slot.places, hosts)
    if record and record.slot != slot.places.slot:
        # Hosts that still run have addresses of the slot that somebody else took.
        machines.tear_down()
    if machines.kind != "none":
        # Shares and logs of hosts, also where the lab's directory was there before and open.
        (directory / "hosts").chmod(0o700)
    wanted = {**(record.delays if record else {}), **delays}
    write_record(directory, Record(slot.places.slot, machines.kind, wanted, str(directory)))
    store = Store(slot.places.store)
    caretaker = Caretaker(store, machines, slot.places, Delays.parse(wanted))
    _LOG.info("port %s, hosts %s: %s", slot.places.port, machines.kind, machines.limits)
    lab = Lab(store, caretaker, slot.places)
    try:
        # The socket listens already: calls that come too early wait in its queue.
        caretaker.resume()
        threading.Thread(target=_accompany, args=(lab, herald), daemon=True).start()
        # Before uvicorn has its own handlers, and again when it is done: the clean-up must run.
        server = _server(slot, lab)
        _on_signals(lambda *_: setattr(server, "should_exit", True))
        asyncio.run(server.serve(sockets=[slot.server]))
    finally:
        caretaker.close()
        store.close()
        slot.places.pid_file.unlink(missing_ok=True)
        lock.close()


def _on_signals(handler: Callable[..., None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, handler)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="kokunai-lab")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--hosts", default="")
    parser.add_argument("--delays", type=json.loads, default={})
    parser.add_argument("--herald", type=int)
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    # The roots of hosts are made here: under a stricter or looser mask no service could live there.
    os.umask(0o022)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    herald = Herald(arguments.herald)
    _on_signals(lambda *_: sys.exit(0))
    try:
        run(arguments.directory.resolve(), arguments.hosts, arguments.delays, herald)
    except (MachinesError, OSError, sqlite3.Error) as problem:
        _LOG.exception("the lab ends")
        herald.tell("failed", _explain(problem, arguments.directory))
        return 1
    return 0


def _explain(problem: Exception, directory: Path) -> str:
    if isinstance(problem, MachinesError):
        return str(problem)
    if isinstance(problem, (OSError, sqlite3.OperationalError)):
        # A full disk or a missing right: the stored state is fine and must not be thrown away.
        return (
            f"ラボの置き場所を利用できません({problem}): {directory}\n"
            f"The lab's place could not be used ({problem}): {directory}"
        )
    return (
        f"保存した状態を読めません({problem})。kokunai lab down --purge で消せます: {directory}\n"
        f"The stored state is unreadable ({problem}); `kokunai lab down --purge` removes it."
    )


if __name__ == "__main__":
    sys.exit(main())
