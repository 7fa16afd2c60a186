"""One HTTP call to Sakura's IaaS API: authentication, pace, and what the answer means."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from kokunai.drivers.errors import (
    Conflict,
    DriverError,
    Seller,
    StillCreating,
    Unavailable,
    error_class,
)
from kokunai.drivers.limiter import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Mapping

SAKURA = Seller(ja="さくら", en="Sakura")
API_ROOT_URL = "https://secure.sakura.ad.jp/cloud/zone"
"""iaas-api-go v1.29.2, client.go."""
CALLS_PER_SECOND = 10.0
"""Default of Sakura's own clients (terraform-provider-sakura v3 docs/index.md)."""

_READ_PATIENCE = httpx.Timeout(30.0, connect=5.0)
_WRITE_PATIENCE = httpx.Timeout(300.0, connect=5.0)
"""As long as Sakura's own client waits (api-client-go v0.3.5, factory.go).

A POST may create its resource after a client has given up; a client that gives up too early sees
nothing and creates a second one.
"""

Body = dict[str, Any]
_USER_AGENT = f"kokunai/{version('kokunai')}"


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
            },
            transport=transport,
            # The lab listens on this machine's own addresses, which a proxy cannot reach.
            mounts={"all://127.0.0.1": None, "all://localhost": None},
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
        try:
            patience = _READ_PATIENCE if method == "GET" else _WRITE_PATIENCE
            response = await self._client.request(method, url, json=body, timeout=patience)
        except httpx.HTTPError as error:
            raise Unavailable(SAKURA, name, 0, type(error).__name__, str(error)) from error
        return _answer(name, response)


def _answer(name: str, response: httpx.Response) -> Body:
    data = _json(response)
    if not response.is_success:
        raise _refusal(name, response, data or {})
    if not response.content:
        return {}
    if data is None:
        raise Unavailable(SAKURA, name, response.status_code, "not_json", "the answer is not JSON")
    if not _succeeded(data):
        raise _error(name, 400, str(data.get("error_code", "")), str(data.get("error_msg", "")))
    return data


def _json(response: httpx.Response) -> Body | None:
    try:
        data = response.json()
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _succeeded(data: Body) -> bool:
    """Whether neither `Success` (true or "Accepted") nor `is_ok` reports a failure."""
    success = data.get("Success", True)
    return data.get("is_ok", True) is not False and (
        success is True or str(success).lower() in {"true", "accepted"}
    )


def _refusal(name: str, response: httpx.Response, data: Body) -> DriverError:
    code = str(data.get("error_code") or response.reason_phrase)
    error = _error(name, response.status_code, code, str(data.get("error_msg") or ""))
    error.retry_after_seconds = _seconds(response.headers.get("Retry-After"))
    return error


def _error(name: str, status: int, code: str, message: str) -> DriverError:
    kind = error_class(status)
    if kind is Conflict and code == "still_creating":
        kind = StillCreating
    return kind(SAKURA, name, status, code, message)


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
