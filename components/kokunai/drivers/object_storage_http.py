"""One HTTP call to Sakura's object storage: authentication, pace, and what the answer means."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import httpx

from kokunai.drivers.body import ACCEPTED_ENCODINGS, read_body
from kokunai.drivers.errors import DriverError, NotFound, NotUnderstood, Seller, Unavailable
from kokunai.drivers.errors import error_class as class_of
from kokunai.drivers.json_reader import Unreadable, read_object
from kokunai.drivers.root_url import is_this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

STORAGE = Seller(ja="さくらのオブジェクトストレージ", en="Sakura object storage")
_SECONDS = 60.0
_S3_CODE = re.compile(rb"<Error>.{0,200}?<Code>([A-Za-z]{1,60})</Code>", re.DOTALL)
_MOST_OF_AN_ERROR = 4096


@dataclass(frozen=True)
class Answer:
    """A whole answer with a status of success."""

    call: str
    status: int
    content: bytes

    def data(self) -> Any:
        """What stands under `data` of a JSON answer. Raises NotUnderstood where there is none."""
        try:
            answer = read_object(self.content)
        except Unreadable as why:
            raise NotUnderstood(STORAGE, self.call, self.status, why.ja, why.en) from None
        if "data" not in answer:
            raise not_understood(self.call, self.status, "data がありません", "it has no data")
        return answer["data"]


class Connection:
    """An HTTP client that goes to one root and nowhere else: redirects are not followed."""

    def __init__(
        self,
        root_url: str,
        auth: httpx.Auth,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._root_url = root_url.rstrip("/")
        host = httpx.URL(root_url).host
        self._client = httpx.AsyncClient(
            auth=auth,
            headers={
                "X-Requested-With": "XMLHttpRequest",
                "User-Agent": f"kokunai/{version('kokunai')}",
                "Accept-Encoding": ACCEPTED_ENCODINGS,
            },
            timeout=httpx.Timeout(_SECONDS, connect=5.0),
            transport=transport,
            trust_env=not is_this_machine(host),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one call. Raises a class of `drivers.errors` for every answer but a success."""
        name = f"{method} {path}"
        request = self._client.build_request(
            method, f"{self._root_url}/{path}", json=body, content=content, headers=headers
        )
        try:
            async with asyncio.timeout(_SECONDS):
                response, whole = await self._sent(request, name)
        except httpx.HTTPError as error:
            raise Unavailable(STORAGE, name, 0, type(error).__name__, str(error)) from error
        except TimeoutError:
            text = f"no whole answer within {_SECONDS:.0f} s"
            raise Unavailable(STORAGE, name, 0, "too_slow", text) from None
        if not response.is_success:
            raise _refusal(name, response, whole)
        return Answer(name, response.status_code, whole)

    async def _sent(self, request: httpx.Request, name: str) -> tuple[httpx.Response, bytes]:
        response = await self._client.send(request, stream=True)
        try:
            return response, await read_body(response)
        except Unreadable as why:
            raise NotUnderstood(STORAGE, name, response.status_code, why.ja, why.en) from None
        finally:
            await response.aclose()


def not_understood(call: str, status: int, ja: str, en: str) -> NotUnderstood:
    """The error for an answer that is not what the call promises."""
    return NotUnderstood(STORAGE, call, status, ja, en)


def _refusal(name: str, response: httpx.Response, content: bytes) -> DriverError:
    status = response.status_code
    error = _error_in(content)
    kind = class_of(status)
    # A proxy's page says nothing about what exists: "gone" counts only in the API's own words.
    if error is None and status < HTTPStatus.INTERNAL_SERVER_ERROR and kind is NotFound:
        return not_understood(
            name,
            status,
            "API のエラーの形ではありません。途中のプロキシの応答かもしれません",
            "it is no error of the API; a proxy may have answered",
        )
    code, message = error or ("", response.reason_phrase)
    return kind(STORAGE, name, status, code, message)


def _error_in(content: bytes) -> tuple[str, str] | None:
    """Code and message of an error of the control API or of S3, None for all else."""
    if match := _S3_CODE.search(content[:_MOST_OF_AN_ERROR]):
        return match[1].decode(), ""
    try:
        error = read_object(content).get("error")
    except Unreadable:
        return None
    if not isinstance(error, dict) or type(error.get("code")) is not int:
        return None
    message = error.get("message")
    return str(error["code"]), message if isinstance(message, str) else ""
