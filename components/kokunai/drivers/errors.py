"""Errors of the sellers' APIs, one class for each way in which a caller can react."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from kokunai.foreign_text import shown

LONGEST_RETRY_AFTER_SECONDS = 60.0
"""An API may ask for a pause, but not for one that outlasts the operation."""
_LONGEST_CODE = 80


@dataclass(frozen=True)
class Seller:
    """The seller whose API answered, as messages name it in each language."""

    ja: str
    en: str


class DriverError(Exception):
    """A call that failed; carries what the API said, cleaned and cut, never what was sent.

    `status` is the HTTP status, or 0 where no answer came; `call` is for example
    `GET is1a/server/123456789012`.
    """

    def __init__(
        self, seller: Seller, call: str, status: int, code: str = "", message: str = ""
    ) -> None:
        self.seller = seller
        self.call = call
        self.status = status
        self.code = shown(code, _LONGEST_CODE)
        self.message = shown(message)
        self._retry_after_seconds = 0.0
        super().__init__(f"{call}: {status} {self.code} {self.message}".strip())

    @property
    def retry_after_seconds(self) -> float:
        """How long the API asks to wait, within `LONGEST_RETRY_AFTER_SECONDS`."""
        return self._retry_after_seconds

    @retry_after_seconds.setter
    def retry_after_seconds(self, seconds: float) -> None:
        is_pause = seconds > 0  # false for "not a number", too
        self._retry_after_seconds = min(seconds, LONGEST_RETRY_AFTER_SECONDS) if is_pause else 0.0


class NotFound(DriverError):
    """404 with the API's own code: it was removed or never existed."""


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


class NotUnderstood(Unavailable):
    """An answer that is not what the call promises: a proxy's page, damaged, or of something else.

    It says nothing about what exists, so it is asked again and never taken for "gone" or "none".
    """

    def __init__(self, seller: Seller, call: str, status: int, ja: str, en: str) -> None:
        super().__init__(seller, call, status, "not_understood", en)
        self.message_ja = shown(ja)


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
