"""Makes the machine follow the store: copies, power states, and clean-up, also after a crash."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.sakura_iaas import to_machine
from kokunai.lab.sakura_iaas.power_states import PowerStates

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from kokunai.lab.emulators import Lab
    from kokunai.lab.store import Doc, Job

_LOG = logging.getLogger(__name__)


class Reconciler:
    """Queues the work that brings the machine to what the store says."""

    def __init__(self, lab: Lab) -> None:
        self._store = lab.store
        self._machines = lab.machines
        self._workers = lab.workers
        self._delays = lab.delays
        self._power = PowerStates(lab)
        self._actions: dict[str, Callable[[str], None]] = {
            "ensure_switch": lab.machines.ensure_switch,
            "remove_switch": lab.machines.remove_switch,
            "remove_machine": self._remove_machine,
            "remove_disk": lab.machines.remove_disk,
            "remove_nfs": lab.machines.remove_nfs,
            "set_filter": self._set_filter,
        }

    def reconcile(self, kind: str, doc_id: str) -> None:
        """Bring a server or an appliance to the power state that its document wants."""
        self._power.reconcile(kind, doc_id)

    def perform(self, job: Job) -> Future[None]:
        """Queue a job behind those of its key; the future is done when it was tried."""
        return self._workers.submit(job.key, lambda: self._perform(job))

    def _perform(self, job: Job) -> None:
        try:
            self._actions[job.action](job.target)
        except (KokunaiError, OSError) as problem:
            _LOG.error("%s %s: %s", job.action, job.target, problem)
            # A failed job is kept and tried again at the next start of the lab. Switches need no
            # job for that, because every start makes the missing ones.
            if job.action != "ensure_switch":
                return
        self._store.done(job)

    def _remove_machine(self, server_id: str) -> None:
        if server_id in self._machines.running():
            self._machines.power_off(server_id, force=True)
        self._machines.remove_machine(server_id)

    def _set_filter(self, interface_id: str) -> None:
        interface = self._store.get("interface", interface_id)
        server = interface and self._store.get("server", interface["server_id"] or "")
        if interface and server and server["status"] == "up":
            rules = to_machine.rules_of(self._store, interface)
            try:
                self._machines.set_filter(server["id"], interface_id, rules)
            except (KokunaiError, OSError) as problem:
                # The API call succeeds nevertheless, so the server has to show that the rules
                # are not in force.
                self._store.change("server", server["id"], problem=str(problem))
                raise
            if server["problem"]:
                self._store.change("server", server["id"], problem="")

    def copy(self, disk_id: str) -> None:
        """Finish the copy of a disk after its delay, and boot its server if that is wanted."""
        self._workers.later(
            self._delays.copy_seconds, f"disk-{disk_id}", lambda: self._copied(disk_id)
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
            self.reconcile("server", boots)

    def copy_archive(self, archive_id: str) -> None:
        """Finish the copy of an archive after its delay."""
        self._workers.later(
            self._delays.copy_seconds,
            f"archive-{archive_id}",
            lambda: self._archived(archive_id),
        )

    def _archived(self, archive_id: str) -> None:
        self._store.change("archive", archive_id, availability="available")

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
        passed = (time.time() - disk["copy_began"]) / max(self._delays.copy_seconds, 0.001)
        return int(disk["size_mb"] * min(max(passed, 0.0), 0.99))

    def appliance_made(self, appliance_id: str) -> None:
        """Make an appliance available after its delay, and boot it."""
        self._workers.later(
            self._delays.copy_seconds, f"appliance-{appliance_id}", lambda: self._made(appliance_id)
        )

    def _made(self, appliance_id: str) -> None:
        if self._store.change("appliance", appliance_id, availability="available", wanted="up"):
            self.reconcile("appliance", appliance_id)

    def resume(self, running: set[str]) -> None:
        """Continue the work of an earlier process; `running` are the servers that are on."""
        for job in self._store.pending_jobs():
            self.perform(job)
        for switch in self._store.all("switch"):
            self._ensure_switch(switch["id"])
        for server in self._store.all("server"):
            self._power.resume_server(server, is_running=server["id"] in running)
        for disk in self._store.all("disk"):
            if disk["availability"] == "migrating":
                self.copy(disk["id"])
        for archive in self._store.all("archive"):
            if archive["availability"] == "migrating":
                self.copy_archive(archive["id"])
        for appliance in self._store.all("appliance"):
            if appliance["availability"] == "migrating":
                self.appliance_made(appliance["id"])
            else:
                self._power.resume_appliance(appliance)

    def _ensure_switch(self, switch_id: str) -> None:
        try:
            self._machines.ensure_switch(switch_id)
        except (KokunaiError, OSError) as problem:
            _LOG.error("switch %s: %s", switch_id, problem)

    def look(self, running: set[str]) -> None:
        """Notice hosts that went off by themselves, as after `poweroff` in the guest.

        A boot that failed because of the store is repeated; repeating a running one is harmless.
        """
        for server in self._store.all("server"):
            if server["status"] == "up" and server["id"] not in running:
                self._workers.submit(f"server-{server['id']}", self._notice(server["id"]))
            elif server["status"] == "down" and server["wanted"] == "up":
                self.reconcile("server", server["id"])

    def _notice(self, server_id: str) -> Callable[[], None]:
        # In the server's queue, so that no boot or stop runs between the check and the change.
        return lambda: self._power.notice(
            server_id, is_running=server_id in self._machines.running()
        )
