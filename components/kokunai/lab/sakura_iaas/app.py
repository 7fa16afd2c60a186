"""Serves the API over HTTP: checks the key, runs each call in one transaction, and answers."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kokunai.lab.sakura_iaas import errors, provider_data
from kokunai.lab.sakura_iaas.call import Call, Cloud, Reply
from kokunai.lab.sakura_iaas.errors import ApiError, refuse
from kokunai.lab.sakura_iaas.routes import PUBLIC_TABLE, TABLE, Handler

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from kokunai.lab.credentials import Credentials

_LOG = logging.getLogger(__name__)
_PREFIX = "/{zone}/api/cloud/1.1/"
_BODY_BYTES = 1024 * 1024
_JOB_SECONDS = 60


def build(cloud: Cloud, credentials: Credentials) -> ASGIApp:
    """All calls of the API below the emulator's prefix."""
    routes = [_route(cloud, credentials, *row) for row in TABLE]
    routes += [_route(cloud, None, *row) for row in PUBLIC_TABLE]
    app = Starlette(routes=routes, exception_handlers=errors.handlers())
    app.router.redirect_slashes = False
    return _as_meant(app)


def _as_meant(app: ASGIApp) -> ASGIApp:
    """The application for calls without a final slash and with the method that was meant."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "path": scope["path"].rstrip("/"), "method": _method(scope)}
        await app(scope, receive, send)

    return called


def _method(scope: Scope) -> str:
    """The method of a call; saklient sends every PUT and DELETE as a POST with this header."""
    headers = dict(scope["headers"])
    meant = headers.get(b"x-sakura-http-method", b"").decode("ascii", "replace").upper()
    is_posted = scope["method"] == "POST" and meant in ("PUT", "DELETE")
    return meant if is_posted else str(scope["method"])


def _route(
    cloud: Cloud, credentials: Credentials | None, method: str, path: str, handler: Handler
) -> Route:
    async def endpoint(request: Request) -> Response:
        began = time.monotonic()
        try:
            if credentials is not None:
                _authenticate(request, credentials)
            reply = await _answer(cloud, request, handler)
        except ApiError as error:
            reply = Reply(error.status, errors.body(error.status, error.code, error.message))
        spent_ms = (time.monotonic() - began) * 1000
        _LOG.info("%s %s %s %.0fms", method, request.url.path, reply.status, spent_ms)
        return _response(request, reply)

    return Route(_PREFIX + path, endpoint, methods=[method])


def _authenticate(request: Request, credentials: Credentials) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    pair = f"{credentials.token}:{credentials.secret}"
    expected = base64.b64encode(pair.encode())
    if scheme.lower() != "basic" or not hmac.compare_digest(given.strip().encode(), expected):
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
        # JSON may contain half of a surrogate pair, which the store cannot write as UTF-8.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        refuse("bad_request", "JSON")
    if not isinstance(body, dict):
        refuse("bad_request", "a JSON object")
    return body


async def _answer(cloud: Cloud, request: Request, handler: Handler) -> Reply:
    path = dict(request.path_params)
    zone = path.pop("zone")
    if provider_data.zone(zone) is None:
        refuse("resource_path_not_found", f"zone {zone}")
    raw_query = request.scope["query_string"].decode("ascii", "replace")
    call = Call(cloud, zone, path, raw_query, await _body(request))
    with cloud.store.transaction():
        reply = handler(call)
    jobs = [asyncio.wrap_future(cloud.reconciler.perform(job)) for job in call.jobs]
    for follow_up in call.after_commit:
        follow_up()
    if jobs:
        # An answer means that the machine has followed; a hanging job must not block it for ever.
        await asyncio.wait(jobs, timeout=_JOB_SECONDS)
    return reply


def _response(request: Request, reply: Reply) -> Response:
    payload: Any = reply.payload
    if request.headers.get("x-sakura-bigint-as-int", "0") not in ("0", "false"):
        payload = _with_numbers(payload)
    if request.headers.get("x-sakura-api-beautify", "0") not in ("0", "false"):
        text = json.dumps(payload, ensure_ascii=False, indent=4)
        return Response(f"{text}\n", reply.status, media_type="application/json")
    return JSONResponse(payload, reply.status)


def _with_numbers(value: Any, key: str = "") -> Any:
    """The value with ids as numbers, for clients that ask for them instead of text."""
    if isinstance(value, dict):
        # The real API leaves the ids below Remark as text.
        return {
            name: item if name == "Remark" else _with_numbers(item, name)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_with_numbers(item, key) for item in value]
    is_id = key.endswith("ID") and isinstance(value, str) and value.isdigit()
    return int(value) if is_id else value
