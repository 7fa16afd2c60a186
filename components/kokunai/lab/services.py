"""All emulators of one lab at work: opened, resumed, watched and closed together."""

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
    """One emulator, what it was given, and what it does with it."""

    name: str
    prefix: str
    lab: Lab
    service: Service


class Services:
    """The inside of the daemon, without a socket."""

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
        """Take up what an earlier process left; called before the first request is answered."""
        running = self.machines.running()
        known = {row["id"] for contents in self.contents() for row in contents.servers}
        for emulator in self.emulators:
            emulator.service.resume(running)
        for server_id in running - known:
            self.workers.submit(f"server-{server_id}", self._removal(server_id))

    def _removal(self, server_id: str) -> Callable[[], None]:
        """Ends a host that no store knows, as after the loss of a store's file."""

        def remove() -> None:
            try:
                self.machines.power_off(server_id, force=True)
                self.machines.remove_machine(server_id)
            except (KokunaiError, OSError) as problem:
                _LOG.error("the unknown host %s stays: %s", server_id, problem)

        return remove

    def look(self) -> None:
        """Let every emulator notice what changed on the machine by itself."""
        running = self.machines.running()
        for emulator in self.emulators:
            emulator.service.look(running)

    def contents(self) -> list[Contents]:
        """What each emulated account holds."""
        return [emulator.service.contents() for emulator in self.emulators]

    def busy(self) -> int:
        """Jobs running, queued or waiting for their time."""
        return self.workers.busy()

    def pending_job_count(self) -> int:
        """Work for the machine that is written down and not done."""
        return sum(len(emulator.lab.store.pending_jobs()) for emulator in self.emulators)

    def close(self) -> None:
        """Wait for the work that has begun, then let go of the stores."""
        self.workers.close()
        for emulator in self.emulators:
            emulator.lab.store.close()
