"""The running emulator: the control API's routes, its account, and the process that serves S3."""

from __future__ import annotations

import base64
import hmac
import json
import logging
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kokunai.errors import KokunaiError
from kokunai.lab.credentials import credentials_of
from kokunai.lab.emulators import Contents, Service
from kokunai.lab.sakura_object_storage import account, calls
from kokunai.lab.sakura_object_storage.calls import Refused
from kokunai.lab.sakura_object_storage.server import S3Server

if TYPE_CHECKING:
    from starlette.requests import Request

    from kokunai.lab.credentials import Credentials
    from kokunai.lab.emulators import Lab

_LOG = logging.getLogger(__name__)
_BODY_BYTES = 1024 * 1024


class ObjectStorageService(Service):
    """One emulated account at all places."""

    def __init__(self, lab: Lab) -> None:
        self._store = lab.store
        self._server = S3Server(lab.places)
        self._credentials = credentials_of(lab.places)
        routes = [self._route(*row) for row in calls.TABLE]
        app = Starlette(routes=routes, exception_handlers={404: _unknown, 405: _unknown})
        app.router.redirect_slashes = False
        super().__init__(app)

    def error(self, status: int, code: str, message: str) -> Response:
        """The documented error body."""
        return _refusal(status, f"{code} {message}".strip())

    def resume(self, running: set[str]) -> None:  # noqa: ARG002 - it has no hosts
        """Serve the buckets of an earlier process again; their objects were in its memory."""
        if self._store.all("bucket"):
            self._server.start()

    def contents(self) -> Contents:
        """Names of the buckets."""
        return Contents(names={"buckets": [doc["name"] for doc in self._store.all("bucket")]})

    def close(self) -> None:
        """End the S3 server."""
        self._server.close()

    def _route(self, method: str, path: str, handler: calls.Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                _authenticate(request, self._credentials)
                body = await _body(request)
                status, data = await run_in_threadpool(
                    self._answer, handler, dict(request.path_params), body
                )
            except Refused as error:
                status, response = error.status, _refusal(error.status, error.message)
            except KokunaiError as error:
                status, response = 503, _refusal(503, error.en)
            else:
                response = Response(status_code=204) if status == 204 else _data(status, data)
            _LOG.info("%s %s %s", method, request.url.path, status)
            return response

        return Route(path, endpoint, methods=[method])

    def _answer(
        self, handler: calls.Handler, path: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        call = calls.Call(account.Account(self._store), self._server, path, body)
        with self._store.transaction():
            return handler(call)


def _authenticate(request: Request, credentials: Credentials) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    expected = base64.b64encode(f"{credentials.token}:{credentials.secret}".encode())
    if scheme.lower() != "basic" or not hmac.compare_digest(given.strip().encode(), expected):
        raise Refused(401, "authentication failed.")


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if len(raw) > _BODY_BYTES:
        raise Refused(400, "the body is too large.")
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON.") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body is no JSON object.")
    return body


def _data(status: int, data: Any) -> Response:
    return JSONResponse({"data": data}, status)


def _refusal(status: int, message: str) -> Response:
    return JSONResponse({"error": {"code": status, "message": message}}, status)


async def _unknown(request: Request, problem: Exception) -> Response:
    status = getattr(problem, "status_code", 404)
    _LOG.warning("%s %a %s no such path", request.method, request.url.path, status)
    return _refusal(status, "no such path.")
