"""The running emulator: its application, its reconciler and the contents of its account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.credentials import credentials_of
from kokunai.lab.emulators import Contents, Service
from kokunai.lab.sakura_iaas import app, errors, to_machine
from kokunai.lab.sakura_iaas.call import Cloud
from kokunai.lab.sakura_iaas.reconciler import Reconciler

if TYPE_CHECKING:
    from starlette.responses import Response

    from kokunai.lab.emulators import Lab
    from kokunai.lab.store import Doc

_KINDS = {
    "servers": "server",
    "disks": "disk",
    "switches": "switch",
    "routers": "internet",
    "interfaces": "interface",
    "packet_filters": "packetfilter",
    "ssh_keys": "sshkey",
    "notes": "note",
    "archives": "archive",
    "icons": "icon",
    "bridges": "bridge",
    "appliances": "appliance",
}
"""By kind in the plural, as the lab's state shows it: the kind in the store."""


class SakuraIaasService(Service):
    """One emulated account in all zones."""

    def __init__(self, lab: Lab) -> None:
        self._reconciler = Reconciler(lab)
        self._cloud = Cloud(lab.store, self._reconciler, lab.places)
        super().__init__(app.build(self._cloud, credentials_of(lab.places)))

    def error(self, status: int, code: str, message: str) -> Response:
        """The documented error body."""
        return errors.response(status, code or errors.usual_code(status), message)

    def resume(self, running: set[str]) -> None:
        """Continue the jobs, copies and power changes of an earlier process."""
        self._reconciler.resume(running)

    def look(self, running: set[str]) -> None:
        """Note servers that went off by themselves."""
        self._reconciler.look(running)

    def contents(self) -> Contents:
        """Names of everything in the store, and the power states."""
        docs = {plural: self._cloud.store.all(kind) for plural, kind in _KINDS.items()}
        return Contents(
            names={plural: [_name(doc) for doc in kept] for plural, kept in docs.items()},
            servers=[self._server(doc) for doc in docs["servers"]],
            appliances=[_power(doc, [doc["address"]]) for doc in docs["appliances"]],
        )

    def _server(self, doc: Doc) -> dict[str, Any]:
        disk = to_machine.boot_disk(self._cloud.store, doc["id"])
        nics = self._cloud.store.of_server("interface", doc["id"])
        row = {"plan": doc["plan"]["Name"], "disk_id": disk["id"] if disk else ""}
        return {**_power(doc, [self._address(nic) for nic in nics]), **row}

    def _address(self, nic: Doc) -> str:
        shared_host = nic["shared_host"]
        if shared_host:
            return str(self._cloud.places.shared_network[shared_host])
        return str(nic["user_ip_address"])


def _name(doc: Doc) -> str:
    return str(doc.get("name", doc["id"]))


def _power(doc: Doc, addresses: list[str]) -> dict[str, Any]:
    shown = {name: doc[name] for name in ("id", "name", "zone", "status", "wanted", "problem")}
    return {**shown, "addresses": addresses}
