"""What a seller's API refuses, as small classes a caller can act on, whoever the seller is."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class Seller:
    """Whose API answered, as messages name it in each language."""

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
    """404: it is gone, or was never there."""


class Unauthorized(DriverError):
    """401 or 403: the key is wrong or may not do this."""


class Refused(DriverError):
    """400 and its like: asking again will not help."""


class Conflict(DriverError):
    """409: not in this state; asking again later may help."""


class StillCreating(Conflict):
    """A conflict because the thing is still being made; asking again later will help."""


class Passing(DriverError):
    """A failure that passes; the effect of the call may nevertheless have happened."""


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
    """What an HTTP status means for the caller; a driver may know more from an error code."""
    fallback = Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
    return _BY_STATUS.get(status, fallback)
