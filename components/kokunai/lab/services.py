"""Opens, resumes, watches and closes all emulators of a lab together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.emulators import Lab, registered
from kokunai.lab.store import Store
from kokunai.lab.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from kokunai.lab.delays import Delays
    from kokunai.lab.emulators import Contents, Service
    from kokunai.lab.machines import Machines
    from kokunai.lab.places import Places

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenEmulator:
    """An emulator, the part of the lab that it got, and its service."""

    name: str
    prefix: str
    lab: Lab
    service: Service


class Services:
    """All services of a daemon, with their stores, workers and machines."""

    def __init__(self, places: Places, machines: Machines, delays: Delays) -> None:
        self.places = places
        self.machines = machines
        self.workers = Workers()
        self.emulators = tuple(self._open(delays))

    def _open(self, delays: Delays) -> list[OpenEmulator]:
        opened = []
        for emulator in registered():
            store = Store(self.places.store(emulator.name))
            lab = Lab(self.places, store, self.machines, self.workers, delays)
            opened.append(OpenEmulator(emulator.name, emulator.prefix, lab, emulator.open(lab)))
        return opened

    def resume(self) -> None:
        """Continue the work of an earlier process; called before the first request is answered."""
        running = self.machines.running()
        known = {row["id"] for contents in self.contents() for row in contents.servers}
        for emulator in self.emulators:
            emulator.service.resume(running)
        for server_id in running - known:
            self.workers.submit(f"server-{server_id}", self._removal(server_id))

    def _removal(self, server_id: str) -> Callable[[], None]:
        """Work that removes a host unknown to all stores, as after the loss of a store's file."""

        def remove() -> None:
            try:
                self.machines.power_off(server_id, force=True)
                self.machines.remove_machine(server_id)
            except (KokunaiError, OSError) as problem:
                _LOG.error("the unknown host %s stays: %s", server_id, problem)

        return remove

    def look(self) -> None:
        """Let every emulator notice hosts that went off by themselves."""
        running = self.machines.running()
        for emulator in self.emulators:
            emulator.service.look(running)

    def contents(self) -> list[Contents]:
        """The contents of each emulated account."""
        return [emulator.service.contents() for emulator in self.emulators]

    def busy(self) -> int:
        """Number of jobs that run, are queued, or wait for their time."""
        return self.workers.busy()

    def pending_job_count(self) -> int:
        """Number of stored jobs for the machine that are not done."""
        return sum(len(emulator.lab.store.pending_jobs()) for emulator in self.emulators)

    def close(self) -> None:
        """Wait for the work that has begun, then close the stores."""
        self.workers.close()
        for emulator in self.emulators:
            emulator.service.close()
            emulator.lab.store.close()
