"""Lets hosts follow the servers: installations, power, and other networks.

A server that runs is booted again where its networks change, since the lab wires a host at its
boot; a real one would stay up.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.machines import Gpu, Machine, Nic
from kokunai.lab.sakura_phy.contracts import SERVER, data, row_of

if TYPE_CHECKING:
    from kokunai.lab.emulators import Lab
    from kokunai.lab.places import Places
    from kokunai.lab.store import Doc

_LOG = logging.getLogger(__name__)


class Hosts:
    """One step a server at a time, in the queue of that server."""

    def __init__(self, lab: Lab) -> None:
        self._store = lab.store
        self._machines = lab.machines
        self._places = lab.places
        self._workers = lab.workers
        self._delays = lab.delays

    def follow(self, server_id: str) -> None:
        """Do what the server's document asks for, after the delay of such a step."""
        doc = self._store.get(SERVER, server_id)
        if doc is None:
            return
        is_install = doc["lock"] == "os_install"
        seconds = self._delays.copy_seconds if is_install else self._delays.boot_seconds
        self._workers.later(seconds, f"server-{server_id}", partial(self._step, server_id))

    def resume(self, running: set[str]) -> None:
        """Continue what an earlier process left, and boot what was on."""
        for doc in self._store.all(SERVER):
            if doc["disk_id"] and doc["power"] == "on" and doc["id"] not in running:
                self._store.change(SERVER, doc["id"], power="off")
            self.follow(doc["id"])

    def look(self, running: set[str]) -> None:
        """Notice hosts that were switched off from inside."""
        for doc in self._store.all(SERVER):
            is_gone = doc["disk_id"] and doc["power"] == "on" and doc["id"] not in running
            if is_gone and doc["wanted"] == "on" and doc["lock"] is None:
                self._workers.submit(f"server-{doc['id']}", partial(self._notice, doc["id"]))

    def _notice(self, server_id: str) -> None:
        if server_id not in self._machines.running():
            self._store.change(SERVER, server_id, power="off", wanted="off")

    def _step(self, server_id: str) -> None:
        doc = self._store.get(SERVER, server_id)
        if doc is None:
            return
        try:
            if doc["lock"] == "os_install":
                self._install(doc)
            elif doc["wanted"] == "on":
                self._switch_on(doc)
            elif doc["power"] == "on":
                self._switch_off(doc)
        except (KokunaiError, OSError) as problem:
            _LOG.error("server %s: %s", server_id, problem)
            fields = {"lock": None, "power": "off", "wanted": "off", "problem": str(problem)}
            self._store.change(SERVER, server_id, **fields)

    def _install(self, doc: Doc) -> None:
        self._machines.power_off(doc["id"], force=True)
        self._machines.remove_machine(doc["id"])
        if doc["disk_id"]:
            self._machines.remove_disk(doc["disk_id"])
        fields = {"disk_id": self._store.new_id(), "wanted": "on", "power": "off"}
        fresh = self._store.change(SERVER, doc["id"], **fields)
        if fresh is not None:
            self._switch_on(fresh)
        self._store.change(SERVER, doc["id"], lock=None)

    def _switch_on(self, doc: Doc) -> None:
        if not doc["disk_id"]:
            # Without an operating system there is nothing to boot, but the power is on.
            self._store.change(SERVER, doc["id"], power="on", reset=False, problem="")
            return
        machine = machine_of(doc, self._places)
        wiring = hashlib.sha256(repr(asdict(machine)).encode()).hexdigest()
        is_other = doc.get("wiring") != wiring or doc.get("reset")
        if doc["power"] == "on" and is_other:
            self._machines.power_off(doc["id"], force=True)
            self._machines.remove_machine(doc["id"])
        for nic in machine.nics:
            if nic.switch_id != "shared":
                self._machines.ensure_switch(nic.switch_id)
        self._machines.boot(machine)
        fields = {"power": "on", "reset": False, "wiring": wiring, "problem": ""}
        self._store.change(SERVER, doc["id"], **fields)

    def _switch_off(self, doc: Doc) -> None:
        if doc["disk_id"]:
            self._machines.power_off(doc["id"], force=bool(doc["force"]))
            self._machines.remove_machine(doc["id"])
        self._store.change(SERVER, doc["id"], power="off", force=False)


def machine_of(doc: Doc, places: Places) -> Machine:
    """The server as it must be when it is on."""
    pci = data()["pci"][doc["model"]]
    system = doc["system"]
    return Machine(
        server_id=doc["id"],
        disk_id=doc["disk_id"],
        host_name=f"phy-{doc['id'][-3:]}",
        nics=tuple(_nics(doc, places)),
        ssh_public_keys=tuple(system.get("keys", ())),
        gpu=Gpu(model=doc["model"], **pci),
        image=system.get("image", ""),
        login_user=system.get("user", "root"),
    )


def _nics(doc: Doc, places: Places) -> list[Nic]:
    """Interfaces by their names in the host: a bond, or one each; VLANs of a trunk behind them."""
    made: list[Nic] = []
    for index, port in enumerate(doc["ports"]):
        base = f"eth{index}" if doc["bonding"] == "single" else "bond0"
        if port["internet_type"] and port["enabled"]:
            made.append(_nic(doc, len(made), "shared", base, places))
        for network_id in port["private_network_ids"] if port["enabled"] else ():
            row = row_of("private_networks", network_id) or {}
            is_alone = port["mode"] == "access"
            name = base if is_alone else f"{base}.{row.get('vlan_id')}"
            made.append(_nic(doc, len(made), network_id, name, None))
    return made


def _nic(doc: Doc, number: int, switch_id: str, name: str, places: Places | None) -> Nic:
    shared = (
        {
            "address": str(places.shared_network[doc["host"]]),
            "prefix_length": places.shared_network.prefixlen,
            "gateway": places.gateway,
        }
        if places
        else {}
    )
    return Nic(
        interface_id=f"2{doc['id'][-8:]}{number:03d}",
        mac_address=f"02:50:48:{doc['number'] >> 8:02x}:{doc['number'] & 255:02x}:{number:02x}",
        switch_id=switch_id,
        name=name,
        **shared,  # type: ignore[arg-type]  # each value is of its field's type
    )
