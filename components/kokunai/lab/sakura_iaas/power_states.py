"""Leads servers and appliances to the power state that their documents want, step by step."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from kokunai.errors import KokunaiError
from kokunai.lab.sakura_iaas import to_machine

if TYPE_CHECKING:
    from kokunai.lab.emulators import Lab
    from kokunai.lab.store import Doc

_LOG = logging.getLogger(__name__)
_JST = timezone(timedelta(hours=9))


def new_power() -> dict[str, Any]:
    """The fields of a new server's or appliance's document that concern its power.

    `status` is what the API shows, `wanted` what a client asked for last; `PowerStates` leads
    the former to the latter.
    """
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


class PowerStates:
    """The steps from one power state to another, each run in the queue of its server."""

    def __init__(self, lab: Lab) -> None:
        self._store = lab.store
        self._machines = lab.machines
        self._places = lab.places
        self._delays = lab.delays
        self._workers = lab.workers

    def reconcile(self, kind: str, doc_id: str) -> None:
        """Take the next step towards the wanted state, if any, after its delay."""
        step = self._server if kind == "server" else self._appliance
        self._workers.later(self._delays.boot_seconds, f"{kind}-{doc_id}", lambda: step(doc_id))

    def resume_server(self, server: Doc, *, is_running: bool) -> None:
        """Correct a status that differs from the machine, then go on to the wanted state."""
        if server["status"] == "cleaning" or (server["status"] == "up" and not is_running):
            self._become("server", server["id"], "down")
        elif server["status"] == "down" and server["wanted"] == "down" and is_running:
            self._become("server", server["id"], "up")
        self.reconcile("server", server["id"])

    def notice(self, server_id: str, *, is_running: bool) -> None:
        """Note a server as off whose host was switched off from inside."""
        server = self._store.get("server", server_id)
        if server is None or is_running or server["status"] != "up" or server["wanted"] != "up":
            return
        if to_machine.boot_disk(self._store, server_id) is not None:
            _LOG.info("server %s went off by itself", server_id)
            self._become("server", server_id, "down", wanted="down")

    def resume_appliance(self, appliance: Doc) -> None:
        """Start the file server again if needed; the API shows it as on all the time."""
        if appliance["status"] == "cleaning":
            self._become("appliance", appliance["id"], "down")
        self._store.change("appliance", appliance["id"], reset=appliance["status"] == "up")
        self.reconcile("appliance", appliance["id"])

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
        except (KokunaiError, OSError) as problem:
            self._fail("server", server_id, problem)

    def _boot(self, server: Doc) -> None:
        disk = to_machine.boot_disk(self._store, server["id"])
        if disk is None:
            # The provider also switches on a server without a disk, and so does its emulator.
            self._become("server", server["id"], "up", reset=False, problem="")
            return
        for interface in self._store.of_server("interface", server["id"]):
            if interface["switch_id"] not in (None, "shared"):
                self._machines.ensure_switch(interface["switch_id"])
        self._machines.boot(to_machine.machine(self._store, self._places, server, disk))
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
                self._machines.ensure_nfs(to_machine.nfs(appliance))
                self._become("appliance", appliance_id, "up", reset=False, problem="")
            elif appliance["wanted"] == "down" and appliance["status"] == "up":
                # Only the API shows it as off. The file server runs on, because the host side can
                # end it only together with its data.
                self._become("appliance", appliance_id, "cleaning")
                self._clean("appliance", appliance_id)
        except (KokunaiError, OSError) as problem:
            self._fail("appliance", appliance_id, problem)
