"""The public price list: what is sent, and which answers are believed."""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any

import httpx
import pytest

from kokunai.drivers import errors, sakura_prices

H100 = "cloud/plan/24core-240gb-1gpu-nvidia_h100_80gbvram-g2"
V100 = "cloud/plan/4core-56gb-1gpu-g2"
ROOT_URL = "https://secure.sakura.ad.jp/cloud/zone"


def _row(path: str, hourly: int, zone: str = "is1a") -> dict[str, Any]:
    price = {"Hourly": hourly, "Daily": 23_100, "Monthly": 385_000, "Zone": zone}
    return {
        "DisplayName": "a plan",
        "ServiceClassName": path.removeprefix("cloud/"),
        "ServiceClassPath": path,
        "ServiceClassID": 51077,
        "ServiceCharge": "cloud/uptime",
        "IsPublic": True,
        "Price": price,
    }


def _list(*rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "Count": len(rows),
        "ServiceClasses": {str(index): row for index, row in enumerate(rows)},
        "is_ok": True,
    }


SOUND = _list(_row("cloud/plan/1", 10), _row(H100, 990), {"ServiceClassPath": "x", "Price": None})


async def _listed(answer: Any, *classes: str) -> dict[str, sakura_prices.Listed]:
    transport = httpx.MockTransport(answer if callable(answer) else lambda _: answer)
    wanted = frozenset(classes or (H100,))
    return await sakura_prices.listed(ROOT_URL, "is1a", wanted, transport)


async def test_the_list_is_asked_without_a_key_and_only_what_is_wanted_is_read() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"{ROOT_URL}/is1a/api/cloud/1.1/public/price.json"
        assert request.headers["X-Requested-With"] == "XMLHttpRequest"
        assert "Authorization" not in request.headers
        return httpx.Response(200, json=SOUND)

    found = await _listed(answer, H100, V100)

    assert list(found) == [H100]
    assert (found[H100].hourly, found[H100].daily, found[H100].monthly) == (990, 23_100, 385_000)


def _with_price(**change: Any) -> dict[str, Any]:
    data = copy.deepcopy(SOUND)
    data["ServiceClasses"]["1"]["Price"] |= change
    return data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"Count": 0}',
        json.dumps({**SOUND, "is_ok": False}).encode(),
        json.dumps({**SOUND, "Count": 4}).encode(),
        json.dumps({**SOUND, "Count": "3"}).encode(),
        json.dumps({**SOUND, "ServiceClasses": [1, 2, 3]}).encode(),
        json.dumps({**SOUND, "ServiceClasses": {"0": 1, "1": 2, "2": 3}}).encode(),
        json.dumps(_list({"Price": {}})).encode(),
        json.dumps(_list({**_row(H100, 1), "Price": None})).encode(),
        json.dumps(_list(_row(H100, 990), _row(H100, 1))).encode(),
        *(
            json.dumps(_with_price(Hourly=value)).encode()
            for value in (0, -1, "990", 1.5, True, None, 10**10, [])
        ),
        json.dumps(_with_price(Zone=1)).encode(),
        json.dumps(SOUND).encode()[:-40],
        b'{"Count": 0, "Count": 0, "ServiceClasses": {}}',
        b"[" * 100_000,
        json.dumps({**SOUND, "more": "x" * (5 * 1024 * 1024)}).encode(),
    ],
)
async def test_an_answer_that_is_not_a_whole_and_sound_list_is_not_understood(
    content: bytes,
) -> None:
    with pytest.raises(errors.NotUnderstood):
        await _listed(httpx.Response(200, content=content))


async def test_a_packed_answer_is_unpacked_no_further_than_is_wanted() -> None:
    def packed(content: bytes) -> httpx.Response:
        stream = httpx.ByteStream(gzip.compress(content))
        return httpx.Response(200, stream=stream, headers={"Content-Encoding": "gzip"})

    assert H100 in await _listed(packed(json.dumps(SOUND).encode()))
    with pytest.raises(errors.NotUnderstood, match="larger than 4 MiB"):
        await _listed(packed(b" " * (64 * 1024 * 1024)))


async def test_a_row_of_another_zone_is_not_ours() -> None:
    data = _list(_row(H100, 500, zone="is1b"), _row(H100, 990))

    found = await _listed(httpx.Response(200, json=data))

    assert found[H100].hourly == 990


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, errors.Refused),
        (403, errors.Unauthorized),
        (404, errors.NotFound),
        (503, errors.Unavailable),
    ],
)
async def test_a_refusal_is_an_error_whatever_its_body_says(
    status: int, kind: type[errors.DriverError]
) -> None:
    headers = {"Location": "https://elsewhere.example/"}
    with pytest.raises(kind):
        await _listed(httpx.Response(status, json=SOUND, headers=headers))


async def test_no_answer_is_said() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("nobody is there", request=request)

    with pytest.raises(errors.Unavailable, match="nobody is there"):
        await _listed(answer)
