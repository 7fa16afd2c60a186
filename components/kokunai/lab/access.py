"""Guards the lab's own paths, which any web page or user of this machine could otherwise call."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from kokunai.lab.credentials import Credentials

    Endpoint = Callable[[Request], Awaitable[Response]]

_OWN_NAMES = ("127.0.0.1", "localhost", "::1")


def guarded(endpoint: Endpoint, credentials: Credentials) -> Endpoint:
    """The endpoint for callers of this machine who know the lab's credentials."""

    async def checked(request: Request) -> Response:
        return refusal(request, credentials) or await endpoint(request)

    return checked


def refusal(request: Request, credentials: Credentials) -> Response | None:
    """Why a call is not answered; None for one that is.

    A page that a browser shows may have any host name point to this machine, so the name that
    was called and the page that called are looked at besides the key.
    """
    origin = request.headers.get("origin")
    if not _is_ours(f"//{request.headers.get('host', '')}"):
        return _refused(403, "この名前では呼べません", "not to be called by this Host")
    if origin is not None and not _is_ours(origin):
        return _refused(403, "Web ページからは呼べません", "not to be called by this Origin")
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.strip().encode(), credentials.header.encode()):
        return _refused(
            401,
            "SAKURA_ACCESS_TOKEN などの認証情報が必要です（kokunai lab env）",
            "needs the lab's token and secret as Basic credentials (kokunai lab env)",
        )
    return None


def _is_ours(address: str) -> bool:
    try:
        return urlsplit(address).hostname in _OWN_NAMES
    except ValueError:
        return False


def _refused(status: int, ja: str, en: str) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="kokunai lab"'} if status == 401 else None
    return JSONResponse({"error": f"{ja} / {en}"}, status, headers)
