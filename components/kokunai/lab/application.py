"""The lab's HTTP application: emulators below their prefixes, the lab's own paths, and faults."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from kokunai.lab.access import guarded
from kokunai.lab.credentials import credentials_of
from kokunai.lab.faults import Fault, Faults

if TYPE_CHECKING:
    from starlette.requests import Request

    from kokunai.lab.access import Endpoint
    from kokunai.lab.services import OpenEmulator, Services

_LOG = logging.getLogger(__name__)


def build(services: Services) -> Faults:
    """The application, with the faults as its outermost layer.

    The lab's own paths are below `/_lab`; `access` says who may call them.
    """
    app = Starlette(exception_handlers={404: _unknown, 405: _unknown})
    app.router.redirect_slashes = False
    faults = Faults(app, lambda path, *refusal: _error(services, path, *refusal))
    credentials = credentials_of(services.places)
    app.routes.extend(
        Route(path, guarded(endpoint, credentials), methods=[method])
        for method, path, endpoint in (*_state_routes(services, faults), *_fault_routes(faults))
    )
    for emulator in _longest_first(services):
        app.routes.append(Mount(emulator.prefix, app=emulator.service.app))
    return faults


def _longest_first(services: Services) -> list[OpenEmulator]:
    """The emulators in the order in which paths are given to them."""
    return sorted(services.emulators, key=lambda one: len(one.prefix), reverse=True)


async def _unknown(request: Request, problem: Exception) -> Response:
    """Log a call that belongs to no emulator: a client may be aimed at the wrong address."""
    status = getattr(problem, "status_code", 404)
    _LOG.warning("%s %a %s no such path", request.method, request.url.path, status)
    return JSONResponse({"code": "no_such_path", "message": "no such path"}, status)


def _error(services: Services, path: str, status: int, code: str, message: str) -> Response:
    """A refusal in the form of the API to which the path belongs."""
    for emulator in _longest_first(services):
        if path.startswith(f"{emulator.prefix}/"):
            return emulator.service.error(status, code, message)
    return JSONResponse({"code": code, "message": message}, status)


def state_of(services: Services) -> dict[str, Any]:
    """The lab's address, its pending work and the contents of its emulated accounts."""
    places, machines, contents = services.places, services.machines, services.contents()
    names: dict[str, list[str]] = {}
    for account in contents:
        for plural, given in account.names.items():
            names[plural] = [*names.get(plural, []), *given]
    return {
        "lab_id": places.lab_id,
        "pid": os.getpid(),
        "port": places.port,
        "slot": places.slot,
        "shared_network": str(places.shared_network),
        "machines": {"kind": machines.kind, "limits": machines.limits},
        "emulators": [emulator.name for emulator in services.emulators],
        "busy": services.busy(),
        "owed": services.pending_job_count(),
        "counts": {plural: len(given) for plural, given in names.items()},
        "names": names,
        "servers": [row for account in contents for row in account.servers],
        "appliances": [row for account in contents for row in account.appliances],
    }


def _state_routes(services: Services, faults: Faults) -> list[tuple[str, str, Endpoint]]:
    async def state(_: Request) -> Response:
        return JSONResponse({**state_of(services), "calls": faults.call_counter.view()})

    return [("GET", "/_lab/state", state)]


def _fault_routes(faults: Faults) -> list[tuple[str, str, Endpoint]]:
    async def show(_: Request) -> Response:
        return JSONResponse({"faults": [fault.view() for fault in faults.active]})

    async def add(request: Request) -> Response:
        try:
            body = await request.json()
            added = [Fault.parse(row) for row in (body if isinstance(body, list) else [body])]
        except (ValueError, TypeError) as problem:
            return JSONResponse({"error": str(problem)}, 400)
        faults.active.extend(added)
        return JSONResponse({"faults": [fault.view() for fault in faults.active]}, 201)

    async def clear(_: Request) -> Response:
        faults.active.clear()
        return JSONResponse({"faults": []})

    return [
        ("GET", "/_lab/faults", show),
        ("POST", "/_lab/faults", add),
        ("DELETE", "/_lab/faults", clear),
    ]
