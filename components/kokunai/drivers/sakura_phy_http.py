"""One HTTP call to Sakura's PHY API: authentication, published limits, and what it answers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import httpx

from kokunai.drivers.body import ACCEPTED_ENCODINGS
from kokunai.drivers.errors import (
    DriverError,
    NotFound,
    NotUnderstood,
    RateLimited,
    Refused,
    Seller,
    Unauthorized,
    error_class,
)
from kokunai.drivers.exchange import direct, exchange, seconds_of
from kokunai.drivers.json_reader import Unreadable, read_object
from kokunai.drivers.limiter import Window

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

SAKURA_PHY = Seller(ja="さくらの専用サーバー PHY ", en="Sakura PHY")
API_ROOT_URL = "https://secure.sakura.ad.jp/cloud/api/dedicated-phy/1.0"
"""phy-api-go v0.1.3, apis/v1/spec/swagger.yaml (servers)."""
ACCOUNT_CALLS, ACCOUNT_SECONDS = 300, 3600.0
NETWORK_CHANGES, NETWORK_SECONDS = 5, 300.0
"""The same, "API実行回数の制限": per account, and for each server."""
_SLACK_SECONDS = 5.0
"""A call may be counted some time after it was sent."""
_SILENT_SECONDS, _ALL_SECONDS = 60.0, 120.0
_LONGEST_PAUSE_SECONDS = 3600.0
_SAID_ANYWHERE = (Unauthorized, RateLimited)
"""Refusals that lose nothing, whoever on the way to the API makes them."""

Body = dict[str, Any]


@dataclass(frozen=True)
class Timing:
    """The clock by which calls are counted, and how to wait on it."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def window(self, limit: int, seconds: float) -> Window:
        """A limit that is kept with some slack."""
        return Window(limit, seconds + _SLACK_SECONDS, self.clock, self.sleep)


class SakuraPhyHttp:
    """Calls `{root}/{path}` once, when the limits allow it; no retries here."""

    def __init__(
        self,
        token: str,
        secret: str,
        root_url: str = API_ROOT_URL,
        transport: httpx.AsyncBaseTransport | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._root_url = root_url.rstrip("/")
        self._timing = timing or Timing()
        self._account = self._timing.window(ACCOUNT_CALLS, ACCOUNT_SECONDS)
        self._servers: dict[str, Window] = {}
        self._client = httpx.AsyncClient(
            auth=httpx.BasicAuth(token, secret),
            headers={
                "User-Agent": f"kokunai/{version('kokunai')}",
                "Accept-Encoding": ACCEPTED_ENCODINGS,
            },
            timeout=httpx.Timeout(_SILENT_SECONDS, connect=5.0),
            transport=transport,
            mounts=direct(self._root_url),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def wait_seconds(self, changes_network_of: str = "") -> float:
        """How long the limits would make a call wait now."""
        windows = [self._account]
        if changes_network_of:
            windows.append(self._of_server(changes_network_of))
        return max(window.wait_seconds() for window in windows)

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        changes_network_of: str = "",
    ) -> Body:
        """Send one call and return its JSON, empty for 204; `path` ends with a slash.

        `changes_network_of` is the server whose network settings the call changes. Raises a class
        of `drivers.errors`.
        """
        if changes_network_of:
            await self._of_server(changes_network_of).take()
        await self._account.take()
        request = self._client.build_request(
            method, f"{self._root_url}/{path}", json=body, params=query, headers=_header_of(method)
        )
        name = f"{method} {path}"
        response, content = await exchange(self._client, request, SAKURA_PHY, name, _ALL_SECONDS)
        try:
            return _answer(name, response, content)
        except RateLimited:
            self._obey(response, changes_network_of)
            raise

    def _of_server(self, server_id: str) -> Window:
        if server_id not in self._servers:
            window = self._timing.window(NETWORK_CHANGES, NETWORK_SECONDS)
            self._servers[server_id] = window
        return self._servers[server_id]

    def _obey(self, response: httpx.Response, server_id: str) -> None:
        """Hold all later calls back for as long as the API asks, those of other resources too."""
        seconds = min(seconds_of(response.headers.get("Retry-After", "")), _LONGEST_PAUSE_SECONDS)
        if not seconds > 0:  # true for "not a number", too
            return
        is_of_server = bool(server_id) and seconds <= NETWORK_SECONDS
        (self._of_server(server_id) if is_of_server else self._account).pause(seconds)


def _header_of(method: str) -> dict[str, str]:
    return {} if method == "GET" else {"X-Requested-With": "XMLHttpRequest"}


def not_understood(name: str, ja: str, en: str, status: int = HTTPStatus.OK) -> NotUnderstood:
    """The error for an answer that is not what the call promises."""
    return NotUnderstood(SAKURA_PHY, name, status, ja, en)


def _answer(name: str, response: httpx.Response, content: bytes) -> Body:
    if response.is_redirect:
        # Following it could turn a POST into a GET, or carry the key to another host.
        place = response.headers.get("Location", "")
        raise Refused(SAKURA_PHY, name, response.status_code, "redirect", place)
    if not response.is_success:
        raise _refusal(name, response, content)
    if response.status_code == HTTPStatus.NO_CONTENT:
        return {}
    try:
        return read_object(content)
    except Unreadable as why:
        raise not_understood(name, why.ja, why.en, response.status_code) from None


def _refusal(name: str, response: httpx.Response, content: bytes) -> DriverError:
    status = response.status_code
    try:
        data = read_object(content)
    except Unreadable:
        data = {}
    # Problem details have a title; 401 comes from the gateway and has an error code.
    code = _text(data, "title") or _text(data, "error_code")
    kind = error_class(status)
    if not code and not _is_plain(status, kind):
        return not_understood(
            name,
            "API のエラーの形ではありません。途中のプロキシの応答かもしれません",
            "it is no error of the API; a proxy may have answered",
            status,
        )
    if kind is NotFound and code != "not_found":
        kind = Refused
    error = kind(SAKURA_PHY, name, status, code or response.reason_phrase, _told(data))
    error.retry_after_seconds = seconds_of(response.headers.get("Retry-After", ""))
    return error


def _is_plain(status: int, kind: type[DriverError]) -> bool:
    """Whether a refusal without the API's own form may be believed."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or issubclass(kind, _SAID_ANYWHERE)


def _told(data: Body) -> str:
    """The detail, and what is wrong with which parameter."""
    wrong = data.get("invalid_parameters")
    rows = wrong.items() if isinstance(wrong, dict) else ()
    named = [f"{key}: {_first_message(value)}" for key, value in rows]
    return "; ".join([_text(data, "detail") or _text(data, "error_msg"), *named])


def _first_message(value: Any) -> str:
    row = value[0] if isinstance(value, list) and value else {}
    return f"{row.get('code')} {row.get('message')}" if isinstance(row, dict) else ""


def _text(data: Body, key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""
