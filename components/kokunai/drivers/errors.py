"""Errors of the sellers' APIs, one class for each way in which a caller can react."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Seller:
    """The seller whose API answered, as messages name it in each language."""

    ja: str
    en: str


class DriverError(Exception):
    """A call that failed; carries what the API said, never what was sent.

    `status` is the HTTP status, or 0 where no answer came; `call` is for example
    `GET is1a/server/123456789012`.
    """

    def __init__(
        self, seller: Seller, call: str, status: int, code: str = "", message: str = ""
    ) -> None:
        super().__init__(f"{call}: {status} {code} {message}".strip())
        self.seller = seller
        self.call = call
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds: float | None = None


class NotFound(DriverError):
    """404: it was removed or never existed."""


class Unauthorized(DriverError):
    """401 or 403: the key is wrong or may not do this."""


class Refused(DriverError):
    """400 and similar: repeating the same call will fail again."""


class Conflict(DriverError):
    """409: not possible in the present state; repeating the call later may succeed."""


class StillCreating(Conflict):
    """A conflict because the resource is still being created; the call succeeds later."""


class Passing(DriverError):
    """A temporary failure; the call may have taken effect although it failed."""


class Busy(Passing):
    """423: another operation holds it."""


class RateLimited(Passing):
    """429: too many calls."""


class Unavailable(Passing):
    """5xx, no answer, or an answer that cannot be read."""


_BY_STATUS: dict[int, type[DriverError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Unauthorized,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.LOCKED: Busy,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
}


def error_class(status: int) -> type[DriverError]:
    """The class for an HTTP status; a driver may choose a narrower one by the error code."""
    fallback = Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
    return _BY_STATUS.get(status, fallback)
