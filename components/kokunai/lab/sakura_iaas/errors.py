"""Refusals of the API with the documented code, HTTP status and body."""

from __future__ import annotations

import http
import logging
import secrets
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.responses import JSONResponse, Response

from kokunai.lab.sakura_iaas.provider_data import data

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

_LOG = logging.getLogger(__name__)


class ApiError(Exception):
    """A refusal that becomes an error response; `code` is a key of data/errors.yaml."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        row = data("errors")["codes"][code]
        self.status: int = row["status"]
        self.code = code
        self.message = " ".join(part for part in (row["ja"], row["en"], detail) if part)


def refuse(code: str, detail: str = "") -> NoReturn:
    """End the call with this refusal. Raises ApiError."""
    raise ApiError(code, detail)


def refuse_as_absent(ja: str, en: str) -> NoReturn:
    """Refuse by name what the real API does and the lab does not. Raises ApiError."""
    raise ApiError("forbidden", f"ラボには{ja}がありません。 The lab does not have this: {en}.")


def usual_code(status: int) -> str:
    """The first documented code of an HTTP status."""
    rows: dict[str, dict[str, Any]] = data("errors")["codes"]
    return next((code for code, row in rows.items() if row["status"] == status), "unknown")


def body(status: int, code: str, message: str) -> dict[str, Any]:
    """The documented JSON body of a refusal."""
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return {
        "is_fatal": True,
        "serial": secrets.token_hex(16),
        "status": f"{status} {phrase}",
        "error_code": code,
        "error_msg": message,
    }


def response(status: int, code: str, message: str) -> JSONResponse:
    """A refusal ready to be sent."""
    return JSONResponse(body(status, code, message), status)


def handlers() -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    """Exception handlers that give Starlette's own refusals, such as 404, the API's form."""
    return {
        404: _handler("resource_path_not_found"),
        405: _handler("method_not_allowed"),
        500: _handler("internal_server_error"),
    }


def _handler(code: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, __: Exception) -> Response:
        error = ApiError(code)
        _LOG.warning("%s %a %s %s", request.method, request.url.path, error.status, code)
        return response(error.status, error.code, error.message)

    return answer
