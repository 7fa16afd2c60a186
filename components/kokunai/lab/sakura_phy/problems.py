"""Refusals of the API in its own form: problem details, and the gateway's own for a wrong key."""

from __future__ import annotations

from typing import Any, NoReturn

from starlette.responses import JSONResponse

_TITLES = {
    400: "invalid",
    401: "unauthorized",
    404: "not_found",
    409: "conflict",
    429: "throttled",
    503: "temporary_unavailable",
}


class ApiProblem(Exception):
    """A refusal that becomes a response."""

    def __init__(
        self, status: int, detail: str, title: str = "", wrong: dict[str, Any] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title
        self.wrong = wrong


def refuse(status: int, detail: str) -> NoReturn:
    """End the call with this refusal."""
    raise ApiProblem(status, detail)


def invalid(field: str, code: str, message: str) -> NoReturn:
    """End the call because of one parameter; `non_field_errors` stands for the whole body."""
    raise ApiProblem(400, "invalid", wrong={field: [{"code": code, "message": message}]})


def response(
    status: int, detail: str, title: str = "", wrong: dict[str, Any] | None = None
) -> JSONResponse:
    """A refusal ready to be sent."""
    name = title or _TITLES.get(status, "error")
    if status == 401:
        told = {"status": "401 Unauthorized", "error_code": name, "error_msg": detail}
        return JSONResponse(told, status)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": name,
        "detail": detail,
        "status": status,
    }
    if status == 400:
        body["invalid_parameters"] = wrong
    headers = {"Retry-After": "1"} if status == 429 else None
    return JSONResponse(body, status, headers)
