"""The running emulator: its application, its hosts and what is under contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.credentials import credentials_of
from kokunai.lab.emulators import Contents, Service
from kokunai.lab.sakura_phy import app, problems
from kokunai.lab.sakura_phy.contracts import SERVER, sign
from kokunai.lab.sakura_phy.hosts import Hosts

if TYPE_CHECKING:
    from starlette.responses import Response

    from kokunai.lab.emulators import Lab
    from kokunai.lab.store import Doc


class SakuraPhyService(Service):
    """One emulated account."""

    def __init__(self, lab: Lab) -> None:
        self._store, self._places = lab.store, lab.places
        self._hosts = Hosts(lab)
        sign(lab.store)
        credentials = credentials_of(lab.places)
        account = app.Account(lab.store, lab.places, credentials, self._hosts.follow)
        super().__init__(app.build(account))

    def error(self, status: int, code: str, message: str) -> Response:
        """Problem details."""
        return problems.response(status, message, code)

    def resume(self, running: set[str]) -> None:
        """Continue what an earlier process left."""
        self._hosts.resume(running)

    def look(self, running: set[str]) -> None:
        """Note servers that went off by themselves."""
        self._hosts.look(running)

    def contents(self) -> Contents:
        """Servers that are in use; what lies idle under contract is no content of the lab."""
        used = [doc for doc in self._store.all(SERVER) if _is_used(doc)]
        return Contents(
            names={"dedicated_servers": [doc["nickname"] for doc in used]},
            servers=[self._row(doc) for doc in used],
        )

    def _row(self, doc: Doc) -> dict[str, Any]:
        has_address = any(port["internet_type"] == "common_subnet" for port in doc["ports"])
        address = str(self._places.shared_network[doc["host"]])
        return {
            "id": doc["id"],
            "name": doc["nickname"],
            "zone": "",
            "status": "up" if doc["power"] == "on" else "down",
            "wanted": "up" if doc["wanted"] == "on" else "down",
            "problem": doc["problem"],
            "addresses": [address] if has_address else [],
            "plan": doc["plan"]["name"],
            "disk_id": doc["disk_id"],
        }


def _is_used(doc: Doc) -> bool:
    return "on" in {doc["power"], doc["wanted"]} or doc["lock"] is not None
