"""A fictitious seller and the emulator of its API, as a package of one's own would bring it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from kokunai.lab.credentials import credentials_of
from kokunai.lab.emulators import Contents, Lab, Service
from kokunai.lab.machines import Machine

if TYPE_CHECKING:
    from starlette.requests import Request

    from kokunai.lab.places import Places


class Ichiban:
    """Servers of one size that are on from the moment they are ordered."""

    name = "ichiban"
    prefix = "/ichiban/v2"

    def environment(self, places: Places) -> dict[str, str]:
        return {
            "ICHIBAN_API_URL": f"{places.url}{self.prefix}",
            "ICHIBAN_API_KEY": credentials_of(places).secret,
        }

    def open(self, lab: Lab) -> Service:
        return IchibanService(lab)


class IchibanService(Service):
    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        key = f"Bearer {credentials_of(lab.places).secret}"

        async def order(request: Request) -> JSONResponse:
            if request.headers.get("authorization") != key:
                return self.error(401, "no_key", "")
            server = {"id": lab.store.new_id(), "zone": "", **await request.json()}
            lab.store.put("server", server)
            self._boot(server["id"])
            return JSONResponse(server, 201)

        super().__init__(Starlette(routes=[Route("/orders", order, methods=["POST"])]))

    def _boot(self, server_id: str) -> None:
        machine = Machine(server_id, server_id, f"ichiban-{server_id}", (), ())
        boot = self._lab.machines.boot
        self._lab.workers.submit(f"server-{server_id}", lambda: boot(machine))

    def error(self, status: int, code: str, message: str) -> JSONResponse:
        return JSONResponse({"ichiban": code or "sorry", "message": message}, status)

    def resume(self, running: set[str]) -> None:
        for server in self._lab.store.all("server"):
            if server["id"] not in running:
                self._boot(server["id"])

    def contents(self) -> Contents:
        servers = self._lab.store.all("server")
        rows = [
            {**server, "status": "up", "problem": "", "addresses": [], "wanted": "up"}
            for server in servers
        ]
        return Contents({"servers": [server["name"] for server in servers]}, rows)


EMULATOR = Ichiban()
