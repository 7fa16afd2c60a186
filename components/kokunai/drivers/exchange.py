"""Sends one request and reads its whole answer, within limits of time and size."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx

from kokunai.drivers.body import read_body
from kokunai.drivers.errors import NotUnderstood, Unavailable
from kokunai.drivers.json_reader import Unreadable
from kokunai.drivers.root_url import is_this_machine

if TYPE_CHECKING:
    from kokunai.drivers.errors import Seller


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, seller: Seller, name: str, in_all: float
) -> tuple[httpx.Response, bytes]:
    """The answer and its body, within `in_all` seconds; redirects are answers like all others.

    Raises Unavailable without an answer and NotUnderstood for one that is too large or damaged.
    """
    try:
        async with asyncio.timeout(in_all):
            return await _sent(client, request)
    except httpx.HTTPError as error:
        raise Unavailable(seller, name, 0, type(error).__name__, str(error)) from error
    except TimeoutError:
        text = f"no whole answer within {in_all:.0f} s"
        raise Unavailable(seller, name, 0, "too_slow", text) from None
    except _TooMuch as error:
        raise NotUnderstood(seller, name, error.status, error.why.ja, error.why.en) from None


async def _sent(client: httpx.AsyncClient, request: httpx.Request) -> tuple[httpx.Response, bytes]:
    response = await client.send(request, stream=True, follow_redirects=False)
    try:
        return response, await read_body(response)
    except Unreadable as why:
        raise _TooMuch(response.status_code, why) from None
    finally:
        await response.aclose()


class _TooMuch(Exception):
    """A body that cannot be unpacked or is too large."""

    def __init__(self, status: int, why: Unreadable) -> None:
        super().__init__(str(why))
        self.status = status
        self.why = why


def direct(root_url: str) -> dict[str, None]:
    """Hosts to call without a proxy: this machine, where the lab listens."""
    host = httpx.URL(root_url).host
    own = {"127.0.0.1", "localhost", *([host] if is_this_machine(host) else [])}
    return {f"all://[{name}]" if ":" in name else f"all://{name}": None for name in own}


def seconds_of(text: str) -> float:
    """The seconds of a `Retry-After`; 0 for what is no number."""
    try:
        return float(text)
    except ValueError:
        return 0.0
