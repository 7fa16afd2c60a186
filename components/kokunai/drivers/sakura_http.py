"""One HTTP call to Sakura's IaaS API: authentication, pace, and what the answer means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from kokunai.drivers.body import ACCEPTED_ENCODINGS
from kokunai.drivers.errors import (
    Conflict,
    DriverError,
    NotFound,
    NotUnderstood,
    RateLimited,
    Refused,
    Seller,
    StillCreating,
    Unauthorized,
    error_class,
)
from kokunai.drivers.exchange import direct, exchange, seconds_of
from kokunai.drivers.json_reader import Unreadable, read_object
from kokunai.drivers.limiter import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Mapping

SAKURA = Seller(ja="さくら", en="Sakura")
API_ROOT_URL = "https://secure.sakura.ad.jp/cloud/zone"
"""iaas-api-go v1.29.2, client.go."""
CALLS_PER_SECOND = 10.0
"""Default of Sakura's own clients (terraform-provider-sakura v3 docs/index.md)."""

_GONE_CODE = "not_found"
"""The error code of what does not exist; a wrong path has another one, a proxy's page has none."""
_SAID_ANYWHERE = (Unauthorized, RateLimited)
"""Refusals that lose nothing, whoever on the way to the API makes them."""


@dataclass(frozen=True)
class _Patience:
    """How long a call may be silent, and how long it may take in all, in seconds."""

    silent: float
    in_all: float

    @property
    def timeout(self) -> httpx.Timeout:
        """As the HTTP library takes it."""
        return httpx.Timeout(self.silent, connect=5.0)


_READ_PATIENCE = _Patience(silent=30.0, in_all=60.0)
_WRITE_PATIENCE = _Patience(silent=300.0, in_all=330.0)
"""As long as Sakura's own client waits (api-client-go v0.3.5, factory.go), and the answer itself.

A POST may create its resource after a client has given up; a client that gives up too early sees
nothing and creates a second one.
"""

Body = dict[str, Any]


class SakuraHttp:
    """Calls `{root}/{zone}/api/cloud/1.1/{path}` once; no retries here."""

    def __init__(
        self,
        token: str,
        secret: str,
        root_url: str = API_ROOT_URL,
        calls_per_second: float = CALLS_PER_SECOND,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._root_url = root_url.rstrip("/")
        self._limiter = TokenBucket(calls_per_second)
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(token, secret),
            headers={
                "X-Requested-With": "XMLHttpRequest",
                "User-Agent": f"kokunai/{version('kokunai')}",
                "Accept-Encoding": ACCEPTED_ENCODINGS,
            },
            transport=transport,
            mounts=direct(self._root_url),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        zone: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Body:
        """Send one call and return its JSON. Raises a class of `drivers.errors`."""
        await self._limiter.take()
        url = f"{self._root_url}/{zone}/api/cloud/1.1/{path}"
        if query is not None:  # the API takes the JSON itself as the query string
            url += "?" + quote(json.dumps(query, separators=(",", ":"), ensure_ascii=False))
        name = f"{method} {zone}/{path}"
        patience = _READ_PATIENCE if method == "GET" else _WRITE_PATIENCE
        request = self._client.build_request(method, url, json=body, timeout=patience.timeout)
        response, content = await exchange(self._client, request, SAKURA, name, patience.in_all)
        return _answer(name, response, content)


def not_understood(name: str, ja: str, en: str, status: int = HTTPStatus.OK) -> NotUnderstood:
    """The error for an answer that is not what the call promises."""
    return NotUnderstood(SAKURA, name, status, ja, en)


def _not_understood(name: str, status: int, why: Unreadable) -> NotUnderstood:
    return not_understood(name, why.ja, why.en, status)


def _answer(name: str, response: httpx.Response, content: bytes) -> Body:
    if not response.is_success:
        raise _refusal(name, response, content)
    try:
        data = read_object(content)
    except Unreadable as why:
        raise _not_understood(name, response.status_code, why) from None
    _refuse_failure(name, data)
    return data


def says_success(data: Body) -> bool:
    """Whether `Success` says so: true, or a word such as "Accepted"."""
    success = data.get("Success")
    return success is True or (isinstance(success, str) and success.lower() in {"true", "accepted"})


def _refuse_failure(name: str, data: Body) -> None:
    """Raise the failure that an answer with the status of a success reports."""
    is_fine = ("Success" not in data or says_success(data)) and data.get("is_ok", True) is True
    if is_fine:
        return
    code = _text(data, "error_code")
    if not code:
        raise not_understood(
            name, "成功とも失敗とも読み取れません", "it tells neither success nor failure"
        )
    raise _error(name, HTTPStatus.BAD_REQUEST, code, _text(data, "error_msg"))


def _refusal(name: str, response: httpx.Response, content: bytes) -> DriverError:
    status = response.status_code
    try:
        data = read_object(content)
    except Unreadable:
        data = {}
    code = _text(data, "error_code")
    if code:
        error = _error(name, status, code, _text(data, "error_msg"))
    else:
        error = _strange_refusal(name, status, response.reason_phrase)
    error.retry_after_seconds = seconds_of(response.headers.get("Retry-After", ""))
    return error


def _strange_refusal(name: str, status: int, phrase: str) -> DriverError:
    """A refusal that is not in the API's form, as a proxy sends it."""
    kind = error_class(status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or issubclass(kind, _SAID_ANYWHERE):
        return kind(SAKURA, name, status, phrase)
    return not_understood(
        name,
        "API のエラーの形ではありません。途中のプロキシの応答かもしれません",
        "it is no error of the API; a proxy may have answered",
        status,
    )


def _error(name: str, status: int, code: str, message: str) -> DriverError:
    kind = error_class(status)
    if kind is Conflict and code == "still_creating":
        kind = StillCreating
    if kind is NotFound and code != _GONE_CODE:
        kind = Refused
    return kind(SAKURA, name, status, code, message)


def _text(data: Body, key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
