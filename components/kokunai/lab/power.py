"""Power states: from what a document wants to what the machine does, one step at a time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from . import assembly
from .machines import Machines, MachinesError

if TYPE_CHECKING:
    from .caretaker import Delays
    from .places import Places
    from .store import Doc, Store
    from .workers import Workers

_LOG = logging.getLogger(__name__)
_JST = timezone(timedelta(hours=9))
# What each Machines call for a server or an appliance leaves the document with.
Fields = dict[str, Any]


def new_power() -> Fields:
    """The power part of a new server or appliance."""
    return {
        "status": "down",
        "before_status": "down",
        "status_changed_at": _now(),
        "wanted": "down",
        "force": False,
        "reset": False,
        "problem": "",
    }


def _now() -> str:
    return datetime.now(_JST).isoformat(timespec="seconds")


class Power:
    """Every step runs in the queue of its server or appliance."""

    def __init__(
        self, store: Store, machines: Machines, places: Places, delays: Delays, workers: Workers
    ) -> None:
        self._store = store
        self._machines = machines
        self._places = places
        self._delays = delays
        self._workers = workers

    def settle(self, kind: str, doc_id: str) -> None:
        step = self._server if kind == "server" else self._appliance
        self._workers.later(self._delays.boot_seconds, f"{kind}-{doc_id}", lambda: step(doc_id))

    def resume_server(self, server: Doc, *, is_running: bool) -> None:
        """Show the truth first, then go where the document wants to."""
        if server["status"] == "cleaning" or (server["status"] == "up" and not is_running):
            self._become("server", server["id"], "down")
        elif server["status"] == "down" and server["wanted"] == "down" and is_running:
            self._become("server", server["id"], "up")
        self.settle("server", server["id"])

    def notice(self, server_id: str, *, is_running: bool) -> None:
        """A host that should be on and is not has been switched off from inside."""
        server = self._store.get("server", server_id)
        if server is None or is_running or server["status"] != "up" or server["wanted"] != "up":
            return
        if assembly.boot_disk(self._store, server_id) is not None:
            _LOG.info("server %s went off by itself", server_id)
            self._become("server", server_id, "down", wanted="down")

    def resume_appliance(self, appliance: Doc) -> None:
        """A file server that is on stays on to its clients while it is made sure of."""
        if appliance["status"] == "cleaning":
            self._become("appliance", appliance["id"], "down")
        self._store.change("appliance", appliance["id"], reset=appliance["status"] == "up")
        self.settle("appliance", appliance["id"])

    def _become(self, kind: str, doc_id: str, status: str, **fields: str | bool) -> None:
        with self._store.transaction():
            doc = self._store.get(kind, doc_id)
            if doc is None:
                return
            if doc["status"] != status:
                doc.update(before_status=doc["status"], status=status, status_changed_at=_now())
            doc.update(fields)
            self._store.put(kind, doc)

    def _server(self, server_id: str) -> None:
        server = self._store.get("server", server_id)
        if server is None:
            return
        try:
            if server["wanted"] == "up" and server["status"] == "down":
                self._boot(server)
            elif server["wanted"] == "up" and server["reset"]:
                self._machines.power_off(server_id, force=True)
                self._boot(server)
            elif server["wanted"] == "down" and server["status"] == "up":
                self._stop(server)
        except (MachinesError, OSError) as problem:
            self._fail("server", server_id, problem)

    def _boot(self, server: Doc) -> None:
        disk = assembly.boot_disk(self._store, server["id"])
        if disk is None:
            # The provider boots a server without a disk too; there is nothing to start then.
            self._become("server", server["id"], "up", reset=False, problem="")
            return
        for interface in self._store.of_server("interface", server["id"]):
            if interface["switch_id"] not in (None, "shared"):
                self._machines.ensure_switch(interface["switch_id"])
        self._machines.boot(assembly.machine(self._store, self._places, server, disk))
        self._become("server", server["id"], "up", reset=False, problem="")

    def _stop(self, server: Doc) -> None:
        self._machines.power_off(server["id"], force=bool(server["force"]))
        self._become("server", server["id"], "cleaning")
        self._clean("server", server["id"])

    def _clean(self, kind: str, doc_id: str) -> None:
        self._workers.later(
            self._delays.stop_seconds,
            f"{kind}-{doc_id}",
            lambda: self._become(kind, doc_id, "down", force=False),
        )

    def _fail(self, kind: str, doc_id: str, problem: Exception) -> None:
        _LOG.error("%s %s: %s", kind, doc_id, problem)
        is_on = kind == "server" and doc_id in self._machines.running()
        status = "up" if is_on else "down"
        self._become(kind, doc_id, status, wanted=status, reset=False, problem=str(problem))

    def _appliance(self, appliance_id: str) -> None:
        appliance = self._store.get("appliance", appliance_id)
        if appliance is None:
            return
        try:
            if appliance["wanted"] == "up" and (
                appliance["status"] == "down" or appliance["reset"]
            ):
                self._machines.ensure_switch(appliance["switch_id"])
                self._machines.ensure_nfs(assembly.nfs(appliance))
                self._become("appliance", appliance_id, "up", reset=False, problem="")
            elif appliance["wanted"] == "down" and appliance["status"] == "up":
                # The file server runs until it is deleted: stopping it alone would lose its data.
                self._become("appliance", appliance_id, "cleaning")
                self._clean("appliance", appliance_id)
        except (MachinesError, OSError) as problem:
            self._fail("appliance", appliance_id, problem)
