"""Collections of plain documents; a LAN with machines on it cannot be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kokunai.lab.credentials import credentials_of
from kokunai.lab.emulators import Contents, Service

if TYPE_CHECKING:
    from starlette.requests import Request

    from kokunai.lab.emulators import Lab


class AcmeService(Service):
    """The API at work."""

    def __init__(self, lab: Lab) -> None:
        self._store = lab.store
        self._key = f"Bearer {credentials_of(lab.places).secret}"
        routes = [
            Route("/{collection}", self._collection, methods=["GET", "POST"]),
            Route("/{collection}/{id}", self._one, methods=["GET", "DELETE"]),
        ]
        super().__init__(Starlette(routes=routes))

    async def _collection(self, request: Request) -> Response:
        kind = request.path_params["collection"]
        if request.headers.get("authorization") != self._key:
            return self.error(401, "no_key", "")
        if request.method == "GET":
            mark = request.query_params.get("mark")
            items = self._store.all(kind)
            return JSONResponse([item for item in items if mark in (None, item["mark"])])
        item_id = self._store.new_id()
        public = f"198.19.77.{10 + len(self._store.all(kind))}"
        item = {"id": item_id, "zone": "", "publicAddress": public, **await request.json()}
        self._store.put(kind, item)
        return JSONResponse(item, 201)

    async def _one(self, request: Request) -> Response:
        kind, item_id = request.path_params["collection"], request.path_params["id"]
        item = self._store.get(kind, item_id)
        if item is None:
            return self.error(404, "gone", "")
        if request.method == "GET":
            return JSONResponse(item)
        machines = self._store.all("machines")
        if kind == "lans" and any(machine["lanId"] == item_id for machine in machines):
            return self.error(409, "in_use", "")
        self._store.delete(item_id)
        return Response(status_code=204)

    def contents(self) -> Contents:
        """Names by collection."""
        kinds = ("lans", "machines")
        return Contents({kind: [item["name"] for item in self._store.all(kind)] for kind in kinds})
