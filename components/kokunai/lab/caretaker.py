"""Makes the machine follow the store: copies, power states, clean-up, whatever interrupted them."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from . import assembly
from .machines import Machines, MachinesError
from .power import Power
from .workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from .places import Places
    from .store import Chore, Doc, Store

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delays:
    """How long the emulated provider takes: long enough to be waited for, short for who waits."""

    copy_seconds: float = 1.0
    """Copying an archive to a disk, and making an appliance."""
    boot_seconds: float = 0.2
    stop_seconds: float = 0.2

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Delays:
        names = {field.name for field in fields(cls)}
        return cls(**{key: float(value) for key, value in values.items() if key in names})


class Caretaker:
    """Owns the threads that talk to the machine; the store says what is wanted."""

    def __init__(self, store: Store, machines: Machines, places: Places, delays: Delays) -> None:
        self.machines = machines
        self.delays = delays
        self._store = store
        self._workers = Workers()
        self._power = Power(store, machines, places, delays, self._workers)
        self._actions: dict[str, Callable[[str], None]] = {
            "ensure_switch": machines.ensure_switch,
            "remove_switch": machines.remove_switch,
            "remove_machine": self._remove_machine,
            "remove_disk": machines.remove_disk,
            "remove_nfs": machines.remove_nfs,
            "set_filter": self._set_filter,
        }

    def busy(self) -> int:
        return self._workers.busy()

    def close(self) -> None:
        self._workers.close()

    def settle(self, kind: str, doc_id: str) -> None:
        """Bring a server or an appliance to the power state that its document wants."""
        self._power.settle(kind, doc_id)

    def perform(self, chore: Chore) -> Future[None]:
        return self._workers.submit(chore.key, lambda: self._perform(chore))

    def _perform(self, chore: Chore) -> None:
        try:
            self._actions[chore.action](chore.target)
        except (MachinesError, OSError) as problem:
            # What was not done stays owed until the lab starts again, which makes sure of switches.
            _LOG.error("%s %s: %s", chore.action, chore.target, problem)
            if chore.action != "ensure_switch":
                return
        self._store.settle(chore)

    def _remove_machine(self, server_id: str) -> None:
        if server_id in self.machines.running():
            self.machines.power_off(server_id, force=True)
        self.machines.remove_machine(server_id)

    def _set_filter(self, interface_id: str) -> None:
        interface = self._store.get("interface", interface_id)
        server = interface and self._store.get("server", interface["server_id"] or "")
        if interface and server and server["status"] == "up":
            rules = assembly.rules_of(self._store, interface)
            try:
                self.machines.set_filter(server["id"], interface_id, rules)
            except (MachinesError, OSError) as problem:
                # The call was answered by then; a rule that is not in force must not go unseen.
                self._store.change("server", server["id"], problem=str(problem))
                raise
            if server["problem"]:
                self._store.change("server", server["id"], problem="")

    def copy(self, disk_id: str) -> None:
        """Finish the copy of a disk after its time, and boot its server where that was asked."""
        self._workers.later(
            self.delays.copy_seconds, f"disk-{disk_id}", lambda: self._copied(disk_id)
        )

    def _copied(self, disk_id: str) -> None:
        boots = ""
        with self._store.transaction():
            disk = self._store.get("disk", disk_id)
            if disk is None or disk["availability"] != "migrating":
                return
            if disk["boot_at_available"] and disk["server_id"]:
                boots = self._want_up(disk["server_id"])
            disk.update(availability="available", boot_at_available=False)
            self._store.put("disk", disk)
        if boots:
            self.settle("server", boots)

    def _want_up(self, server_id: str) -> str:
        server = self._store.get("server", server_id)
        if server is None or server["status"] != "down":
            return ""
        server.update(wanted="up", problem="")
        self._store.put("server", server)
        return server_id

    def migrated_mb(self, disk: Doc) -> int:
        """How much of a disk is copied by now."""
        if disk["availability"] != "migrating":
            return int(disk["size_mb"])
        passed = (time.time() - disk["copy_began"]) / max(self.delays.copy_seconds, 0.001)
        return int(disk["size_mb"] * min(max(passed, 0.0), 0.99))

    def appliance_made(self, appliance_id: str) -> None:
        """After its time an appliance becomes available and boots by itself."""
        self._workers.later(
            self.delays.copy_seconds, f"appliance-{appliance_id}", lambda: self._made(appliance_id)
        )

    def _made(self, appliance_id: str) -> None:
        if self._store.change("appliance", appliance_id, availability="available", wanted="up"):
            self.settle("appliance", appliance_id)

    def resume(self) -> None:
        """Take up what an earlier process left; called before the first request is answered."""
        for chore in self._store.owed():
            self.perform(chore)
        running = self.machines.running()
        for switch in self._store.all("switch"):
            _tolerating(self.machines.ensure_switch, switch["id"])
        servers = self._store.all("server")
        for server in servers:
            self._power.resume_server(server, is_running=server["id"] in running)
        for stranger in running - {server["id"] for server in servers}:
            self.perform(self._store.owe(f"server-{stranger}", "remove_machine", stranger))
        self._resume_copies()

    def _resume_copies(self) -> None:
        for disk in self._store.all("disk"):
            if disk["availability"] == "migrating":
                self.copy(disk["id"])
        for appliance in self._store.all("appliance"):
            if appliance["availability"] == "migrating":
                self.appliance_made(appliance["id"])
            else:
                self._power.resume_appliance(appliance)

    def look(self) -> None:
        """Notice hosts that went off by themselves, as after `poweroff` in the guest.

        A boot that an error of the store cut off is asked for again; one under way is not hurt.
        """
        running = self.machines.running()
        for server in self._store.all("server"):
            if server["status"] == "up" and server["id"] not in running:
                self._workers.submit(f"server-{server['id']}", self._notice(server["id"]))
            elif server["status"] == "down" and server["wanted"] == "up":
                self.settle("server", server["id"])

    def _notice(self, server_id: str) -> Callable[[], None]:
        # In the server's queue: nothing boots or stops it while this looks again.
        return lambda: self._power.notice(
            server_id, is_running=server_id in self.machines.running()
        )


def _tolerating(job: Callable[[str], None], target: str) -> None:
    try:
        job(target)
    except (MachinesError, OSError) as problem:
        _LOG.error("%s: %s", target, problem)
