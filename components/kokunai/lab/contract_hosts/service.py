"""Starts the hosts of contracts, keeps them on as an operator would, and tells their keys."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kokunai.errors import KokunaiError
from kokunai.lab.access import guarded
from kokunai.lab.contract_hosts import descriptions
from kokunai.lab.credentials import credentials_of
from kokunai.lab.emulators import Contents, Service
from kokunai.problems import translated

if TYPE_CHECKING:
    from starlette.requests import Request

    from kokunai.lab.emulators import Lab
    from kokunai.lab.store import Doc

_LOG = logging.getLogger(__name__)
_KIND = "host"


class ContractHostsService(Service):
    """Every host that was asked for is on; only the end of the lab's state removes it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        credentials = credentials_of(lab.places)
        routes = [
            Route("/hosts", guarded(self._show, credentials), methods=["GET"]),
            Route("/hosts", guarded(self._add, credentials), methods=["POST"]),
        ]
        super().__init__(Starlette(routes=routes))

    async def _show(self, _: Request) -> Response:
        return JSONResponse({"hosts": [self._view(doc) for doc in self._lab.store.all(_KIND)]})

    async def _add(self, request: Request) -> Response:
        """Start what is described; a host that is there already stays as it is."""
        try:
            delivery = descriptions.Delivery.model_validate(await request.json())
        except ValidationError as error:
            found = [
                {"path": row.path, "ja": row.ja, "en": row.en}
                for row in translated(error, descriptions.Delivery)
            ]
            return JSONResponse({"problems": found}, 400)
        except ValueError as error:
            return self.error(400, "no_json", str(error))
        names = [self._ensure(doc) for doc in descriptions.documents(delivery)]
        if None in names:
            return self.error(409, "full", "no free address on the shared segment")
        return JSONResponse({"names": names}, 201)

    def _ensure(self, wanted: Doc) -> str | None:
        with self._lab.store.transaction():
            docs = self._lab.store.all(_KIND)
            if any(doc["name"] == wanted["name"] for doc in docs):
                return str(wanted["name"])
            number = descriptions.free_host({doc["shared_host"] for doc in docs})
            if number is None:
                return None
            ids = {key: self._lab.store.new_id() for key in ("id", "disk_id", "interface_id")}
            doc = {**wanted, **ids, "shared_host": number, "status": "down", "problem": ""}
            self._lab.store.put(_KIND, doc)
        self._boot(doc)
        return str(doc["name"])

    def _boot(self, doc: Doc) -> None:
        self._lab.workers.submit(f"server-{doc['id']}", lambda: self._started(doc))

    def _started(self, doc: Doc) -> None:
        problem = ""
        try:
            self._lab.machines.boot(descriptions.machine(doc, self._lab.places))
        except (KokunaiError, OSError) as error:
            problem = str(error)
            _LOG.error("host %s: %s", doc["name"], error)
        status = "down" if problem else "up"
        self._lab.store.change(_KIND, doc["id"], status=status, problem=problem)

    def resume(self, running: set[str]) -> None:
        """Switch on what is off: disks, and with them host keys, are those of before."""
        for doc in self._lab.store.all(_KIND):
            if doc["id"] not in running:
                self._lab.store.change(_KIND, doc["id"], status="down")
                self._boot(doc)

    def look(self, running: set[str]) -> None:
        """The operator switches on again what went off by itself."""
        for doc in self._lab.store.all(_KIND):
            if doc["status"] == "up" and doc["id"] not in running:
                self._lab.store.change(_KIND, doc["id"], status="down")
                self._boot(doc)

    def contents(self) -> Contents:
        """Names and power states."""
        docs = self._lab.store.all(_KIND)
        return Contents(
            names={"contract_hosts": [doc["name"] for doc in docs]},
            servers=[self._row(doc) for doc in docs],
        )

    def _row(self, doc: Doc) -> dict[str, Any]:
        shown = {name: doc[name] for name in ("id", "name", "zone", "status", "problem")}
        return {**shown, "addresses": [self._address(doc)]}

    def _address(self, doc: Doc) -> str:
        return str(self._lab.places.shared_network[doc["shared_host"]])

    def _view(self, doc: Doc) -> dict[str, Any]:
        """What an operator writes into the papers of a delivery."""
        told = {name: doc[name] for name in ("name", "user", "rack", "tray", "status", "problem")}
        key = self._lab.machines.host_key(doc["disk_id"])
        return {**told, "address": self._address(doc), "host_key": key, "simulated": True}
