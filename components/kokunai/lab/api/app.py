"""The HTTP application: who may call, one transaction a call, answers as the API writes them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kokunai.lab import catalogue

from .call import Call, Lab, Reply
from .errors import ApiError, error_body, refuse
from .faults import Faults
from .lab_paths import lab_routes
from .routes import PUBLIC_TABLE, TABLE, Handler

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from kokunai.lab.access import Access

_LOG = logging.getLogger(__name__)
_PREFIX = "/cloud/zone/{zone}/api/cloud/1.1/"
_BODY_BYTES = 1024 * 1024
_CHORE_SECONDS = 60
Endpoint = Callable[[Request], Awaitable[Response]]


def build(lab: Lab, access: Access) -> ASGIApp:
    """The whole emulator; faults are its outermost layer."""
    routes = [_route(lab, access, *row) for row in TABLE]
    routes += [_route(lab, None, *row) for row in PUBLIC_TABLE]
    app = Starlette(routes=routes, exception_handlers={404: _no_path, 405: _no_method, 500: _bug})
    faults = Faults(_without_final_slash(app))
    app.routes.extend(lab_routes(lab, faults))
    return faults


def _without_final_slash(app: ASGIApp) -> ASGIApp:
    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1:
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await app(scope, receive, send)

    return stripped


def _route(lab: Lab, access: Access | None, method: str, path: str, handler: Handler) -> Route:
    async def endpoint(request: Request) -> Response:
        began = time.monotonic()
        try:
            if access is not None:
                _authenticate(request, access)
            reply = await _answer(lab, request, handler)
        except ApiError as error:
            reply = Reply(error.status, error_body(error.status, error.code, error.message))
        spent_ms = (time.monotonic() - began) * 1000
        _LOG.info("%s %s %s %.0fms", method, request.url.path, reply.status, spent_ms)
        return _response(request, reply)

    return Route(_PREFIX + path, endpoint, methods=[method])


def _authenticate(request: Request, access: Access) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(f"{access.token}:{access.secret}".encode()).decode()
    if scheme.lower() != "basic" or not hmac.compare_digest(
        given.strip().encode(), expected.encode()
    ):
        refuse("unauthorized")


async def _body(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return {}
    raw = await request.body()
    if len(raw) > _BODY_BYTES:
        refuse("request_entity_too_large")
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False).encode()  # half a character could not be kept
    except (ValueError, RecursionError):
        refuse("bad_request", "JSON")
    if not isinstance(body, dict):
        refuse("bad_request", "a JSON object")
    return body


async def _answer(lab: Lab, request: Request, handler: Handler) -> Reply:
    path = dict(request.path_params)
    zone = path.pop("zone")
    if catalogue.zone(zone) is None:
        refuse("resource_path_not_found", f"zone {zone}")
    raw_query = request.scope["query_string"].decode("ascii", "replace")
    call = Call(lab, zone, path, raw_query, await _body(request))
    with lab.store.transaction():
        reply = handler(call)
    chores = [asyncio.wrap_future(lab.caretaker.perform(chore)) for chore in call.chores]
    for follow_up in call.then:
        follow_up()
    if chores:
        # The answer promises that the machine followed; one that hangs must not hang the client.
        await asyncio.wait(chores, timeout=_CHORE_SECONDS)
    return reply


def _response(request: Request, reply: Reply) -> JSONResponse:
    payload: Any = reply.payload
    if request.headers.get("x-sakura-bigint-as-int", "0") not in ("0", "false"):
        payload = _with_numbers(payload)
    return JSONResponse(payload, reply.status)


def _with_numbers(value: Any, key: str = "") -> Any:
    """Ids are text unless the client asks for numbers."""
    if isinstance(value, dict):
        return {name: _with_numbers(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item, key) for item in value]
    return (
        int(value) if key.endswith("ID") and isinstance(value, str) and value.isdigit() else value
    )


def _error(code: str) -> Response:
    error = ApiError(code)
    return JSONResponse(error_body(error.status, error.code, error.message), error.status)


async def _no_path(_: Request, __: Exception) -> Response:
    return _error("resource_path_not_found")


async def _no_method(_: Request, __: Exception) -> Response:
    return _error("method_not_allowed")


async def _bug(_: Request, __: Exception) -> Response:
    return _error("internal_server_error")
