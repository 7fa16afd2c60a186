"""Refusals of the API: code, HTTP status and the documented body."""

from __future__ import annotations

import http
import secrets
from typing import Any, NoReturn

from kokunai.lab.catalogue import data


class ApiError(Exception):
    """A refusal that becomes an error response."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        row = data("errors")["codes"][code]
        self.status: int = row["status"]
        self.code = code
        self.message = " ".join(part for part in (row["ja"], row["en"], detail) if part)


def refuse(code: str, detail: str = "") -> NoReturn:
    raise ApiError(code, detail)


def error_body(status: int, code: str, message: str) -> dict[str, Any]:
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
