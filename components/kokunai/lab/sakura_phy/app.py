"""Serves the API over HTTP: the key, the header of writes, final slashes, JSON."""

from __future__ import annotations

import hmac
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from kokunai.lab.sakura_phy import problems
from kokunai.lab.sakura_phy.calls import TABLE, Answer, Call
from kokunai.lab.sakura_phy.problems import ApiProblem, refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from kokunai.lab.credentials import Credentials
    from kokunai.lab.places import Places
    from kokunai.lab.store import Store

_LOG = logging.getLogger(__name__)
_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Account:
    """What all calls share."""

    store: Store
    places: Places
    credentials: Credentials
    follow: Callable[[str], None]
    """Lets a host follow its server."""


def build(account: Account) -> ASGIApp:
    """All calls of the API below the emulator's prefix."""
    app = Starlette(
        routes=[_route(account, *row) for row in TABLE],
        exception_handlers={404: _elsewhere, 405: _method_not_allowed},
    )
    app.router.redirect_slashes = False
    return app


def _route(account: Account, method: str, path: str, handler: Callable[[Call], Answer]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            response = await _answer(account, request, handler)
        except ApiProblem as problem:
            told = (problem.status, problem.detail, problem.title, problem.wrong)
            response = problems.response(*told)
        _LOG.info("%s %s %s", method, request.url.path, response.status_code)
        return response

    return Route(f"/{path}/", endpoint, methods=[method])


async def _answer(
    account: Account, request: Request, handler: Callable[[Call], Answer]
) -> Response:
    _authenticate(request, account.credentials)
    path, query, body = dict(request.path_params), request.query_params, await _body(request)
    call = Call(account.store, account.places, path, query, body)
    with account.store.transaction():
        status, payload = handler(call)
    for server_id in call.follow:
        account.follow(server_id)
    return JSONResponse(payload, status) if payload else Response(status_code=status)


async def _elsewhere(request: Request, _: Exception) -> Response:
    if not request.url.path.endswith("/"):
        # As the API does it: a client that follows this turns its POST into a GET.
        return RedirectResponse(f"{request.url.path}/", 301)
    return problems.response(404, "no such path")


async def _method_not_allowed(_: Request, __: Exception) -> Response:
    return problems.response(405, "method not allowed", "method_not_allowed")


def _authenticate(request: Request, credentials: Credentials) -> None:
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), credentials.header.encode()):
        refuse(401, "error-unauthorized")
    is_write = request.method != "GET"
    if is_write and request.headers.get("x-requested-with") != "XMLHttpRequest":
        problems.invalid("X-Requested-With", "required", "ヘッダーが必要です")


async def _body(request: Request) -> dict[str, Any]:
    if request.method == "GET":
        return {}
    raw = await request.body()
    try:
        body = json.loads(raw) if len(raw) <= _BODY_BYTES else None
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise ApiProblem(400, "JSON parse error", "parse_error")
    return body
