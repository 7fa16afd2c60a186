"""What Sakura's APIs refuse, as small classes a caller can act on."""

from __future__ import annotations

from http import HTTPStatus


class SakuraError(Exception):
    """A call that failed; carries what the API said, never what was sent."""

    def __init__(self, call: str, status: int, code: str = "", message: str = "") -> None:
        super().__init__(f"{call}: {status} {code} {message}".strip())
        self.call = call
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds: float | None = None


class NotFound(SakuraError):
    """404: it is gone, or was never there."""


class Unauthorized(SakuraError):
    """401 or 403: the key is wrong or may not do this."""


class Refused(SakuraError):
    """400 and its like: asking again will not help."""


class Conflict(SakuraError):
    """409: not in this state; asking again later may help."""


class StillCreating(Conflict):
    """409 `still_creating`: being made; asking again later will help."""


class Passing(SakuraError):
    """A failure that passes; the effect of the call may nevertheless have happened."""


class Busy(Passing):
    """423: another operation holds it."""


class RateLimited(Passing):
    """429: too many calls."""


class Unavailable(Passing):
    """5xx, no answer, or an answer that is none."""


_BY_STATUS: dict[int, type[SakuraError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.FORBIDDEN: Unauthorized,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.LOCKED: Busy,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimited,
}


def error_of(call: str, status: int, code: str, message: str) -> SakuraError:
    """The class for a status and an error code."""
    if status == HTTPStatus.CONFLICT:
        kind = StillCreating if code == "still_creating" else Conflict
        return kind(call, status, code, message)
    fallback = Unavailable if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
    return _BY_STATUS.get(status, fallback)(call, status, code, message)
