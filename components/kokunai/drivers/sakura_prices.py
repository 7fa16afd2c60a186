"""Reads Sakura's public price list, which needs no key, and believes whole and sound ones only."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kokunai.drivers.body import ACCEPTED_ENCODINGS, read_body
from kokunai.drivers.errors import DriverError, NotUnderstood, Unavailable, error_class
from kokunai.drivers.json_reader import Unreadable, read_object
from kokunai.drivers.root_url import is_this_machine
from kokunai.drivers.sakura_http import SAKURA

PATH = "api/cloud/1.1/public/price.json"
_MOST_BYTES = 4 * 1024 * 1024
"""The list of a zone has some hundred rows of about 400 bytes."""
_SILENT_SECONDS, _ALL_SECONDS = 30.0, 60.0
_Yen = Annotated[int, Field(gt=0, le=10**9)]


class _View(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


class _Named(_View):
    """What is read of every row; the price is only read of those that are asked for."""

    path: str = Field(alias="ServiceClassPath", max_length=200)
    price: Any = Field(alias="Price", default=None)


class _List(_View):
    count: int = Field(alias="Count", ge=0)
    rows: dict[str, _Named] = Field(alias="ServiceClasses", max_length=20_000)


class Listed(_View):
    """The prices of one class of service in one zone, in yen."""

    hourly: _Yen = Field(alias="Hourly")
    daily: _Yen = Field(alias="Daily")
    monthly: _Yen = Field(alias="Monthly")
    zone: str = Field(alias="Zone", max_length=40)


async def listed(
    root_url: str,
    zone: str,
    classes: frozenset[str],
    transport: httpx.AsyncBaseTransport | None = None,
) -> dict[str, Listed]:
    """The prices of these classes, by class; one that the list lacks is left out.

    Raises DriverError for an answer that is not whole, not sound, or no price list.
    """
    name = f"GET {zone}/public/price.json"
    content = await _content(f"{root_url.rstrip('/')}/{zone}/{PATH}", name, transport)
    try:
        return _prices(_rows(content, name), zone, classes, name)
    except ValidationError:
        raise _strange(name, "価格の形が違います", "a price has another form") from None


async def _content(url: str, name: str, transport: httpx.AsyncBaseTransport | None) -> bytes:
    headers = {
        "X-Requested-With": "XMLHttpRequest",
        "User-Agent": f"kokunai/{version('kokunai')}",
        "Accept-Encoding": ACCEPTED_ENCODINGS,
    }
    host = httpx.URL(url).host
    # Nothing is asked of a proxy on the way to this machine, where the lab listens.
    uses_proxy = not is_this_machine(host)
    timeout = httpx.Timeout(_SILENT_SECONDS, connect=5.0)
    try:
        async with (
            asyncio.timeout(_ALL_SECONDS),
            httpx.AsyncClient(
                headers=headers, timeout=timeout, trust_env=uses_proxy, transport=transport
            ) as client,
            client.stream("GET", url) as response,
        ):
            content = await read_body(response, _MOST_BYTES)
    except Unreadable as why:
        raise _strange(name, why.ja, why.en) from None
    except httpx.HTTPError as error:
        raise Unavailable(SAKURA, name, 0, type(error).__name__, str(error)) from error
    except TimeoutError:
        raise Unavailable(SAKURA, name, 0, "too_slow", "no whole answer") from None
    if not response.is_success:
        raise _refusal(name, response)
    return content


def _refusal(name: str, response: httpx.Response) -> DriverError:
    kind = error_class(response.status_code)
    return kind(SAKURA, name, response.status_code, response.reason_phrase)


def _rows(content: bytes, name: str) -> list[_Named]:
    try:
        data = read_object(content)
    except Unreadable as why:
        raise _strange(name, why.ja, why.en) from None
    if data.get("is_ok", True) is not True:
        raise _strange(name, "失敗を伝えています", "it tells of a failure")
    read = _List.model_validate(data)
    if read.count != len(read.rows):
        raise _strange(
            name,
            f"{read.count} 件と書かれていますが、{len(read.rows)} 件しかありません",
            f"it has {len(read.rows)} rows, but says {read.count}",
        )
    return list(read.rows.values())


def _prices(rows: list[_Named], zone: str, classes: frozenset[str], name: str) -> dict[str, Listed]:
    found: dict[str, Listed] = {}
    for row in rows:
        if row.path not in classes:
            continue
        price = Listed.model_validate(row.price)
        if price.zone != zone:
            continue
        if found.setdefault(row.path, price) != price:
            raise _strange(
                name, "同じ品目に 2 つの価格があります", "it has two prices of one class"
            )
    return found


def _strange(name: str, ja: str, en: str) -> NotUnderstood:
    return NotUnderstood(SAKURA, name, 200, ja, en)
