"""One call to the PHY API: what is sent, what each answer means, and lists of several pages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kokunai.drivers import errors
from kokunai.drivers.limiter import Window
from kokunai.drivers.sakura_phy import SakuraPhy
from kokunai.drivers.sakura_phy_http import SakuraPhyHttp

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER = "100000000001"
PROBLEMS = [
    (400, "invalid", errors.Refused),
    (404, "not_found", errors.NotFound),
    (409, "conflict", errors.Conflict),
    (429, "throttled", errors.RateLimited),
    (503, "temporary_unavailable", errors.Unavailable),
]


def client(answer: Callable[[httpx.Request], httpx.Response]) -> SakuraPhy:
    return SakuraPhy(SakuraPhyHttp("t", "s", transport=httpx.MockTransport(answer)))


def service(number: int, **changed: Any) -> dict[str, Any]:
    return {
        "service_id": f"{100000000000 + number}",
        "nickname": "n",
        "description": None,
        "activated": "2026-10-01T00:00:00+09:00",
        "product_category": "server",
        "tags": [],
        "plan": None,
        **changed,
    }


async def test_a_write_has_the_final_slash_and_the_header_and_a_read_has_no_header() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        is_read = request.method == "GET"
        body = {"power_status": {"status": "off"}}
        return httpx.Response(200, json=body) if is_read else httpx.Response(204)

    api = client(answer)
    await api.power_status(SERVER)
    await api.power(SERVER, "on")

    assert [one.url.path for one in seen] == [
        f"/cloud/api/dedicated-phy/1.0/servers/{SERVER}/power_status/",
        f"/cloud/api/dedicated-phy/1.0/servers/{SERVER}/power_control/",
    ]
    assert [one.headers.get("X-Requested-With") for one in seen] == [None, "XMLHttpRequest"]
    assert json.loads(seen[1].content) == {"operation": "on"}


@pytest.mark.parametrize(("status", "title", "expected"), PROBLEMS)
async def test_every_problem_has_its_class_and_tells_the_wrong_parameter(
    status: int, title: str, expected: type[errors.DriverError]
) -> None:
    wrong = {"mode": [{"code": "required", "message": "この項目は必須です"}]}
    body = {"type": "about:blank", "title": title, "detail": "why", "status": status}

    with pytest.raises(errors.DriverError) as refusal:
        await client(
            lambda _: httpx.Response(status, json={**body, "invalid_parameters": wrong})
        ).power_status(SERVER)

    assert type(refusal.value) is expected
    assert refusal.value.code == title
    assert refusal.value.message == "why; mode: required この項目は必須です"


async def test_the_gateways_refusal_of_a_key_is_understood() -> None:
    body = {"status": "401 Unauthorized", "error_code": "unauthorized", "error_msg": "no"}

    with pytest.raises(errors.Unauthorized, match="unauthorized"):
        await client(lambda _: httpx.Response(401, json=body)).servers()


async def test_a_proxys_404_is_not_taken_for_gone() -> None:
    with pytest.raises(errors.NotUnderstood):
        await client(lambda _: httpx.Response(404, text="<html>")).power_status(SERVER)


async def test_a_redirect_is_never_followed() -> None:
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(301, headers={"Location": "https://elsewhere.example/"})

    with pytest.raises(errors.Refused, match="redirect"):
        await client(answer).power(SERVER, "off")

    assert len(seen) == 1


async def test_all_pages_are_read_and_networks_are_left_out() -> None:
    rows = [service(number) for number in range(150)]
    rows.append(service(150, product_category="private_network"))

    def answer(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["offset"])
        page = rows[start : start + int(request.url.params["limit"])]
        return httpx.Response(200, json={"meta": {"count": len(rows)}, "services": page})

    assert len(await client(answer).services()) == 150


@pytest.mark.parametrize(
    "body",
    [
        {"meta": {"count": 2}, "services": [service(1)] * 2},
        {"meta": {"count": 0}, "services": [service(1)]},
        {"meta": {"count": True}, "services": []},
        {"meta": {"count": 1}},
        {"meta": {"count": 1}, "services": [{**service(1), "service_id": "../x"}]},
        {"meta": {"count": 1}, "services": [{**service(1), "tags": "x"}]},
    ],
)
async def test_a_list_that_does_not_agree_with_itself_is_not_believed(body: Any) -> None:
    with pytest.raises(errors.NotUnderstood):
        await client(lambda _: httpx.Response(200, json=body)).services()


async def test_the_answer_about_another_service_is_not_believed() -> None:
    body = {"service": service(2)}

    with pytest.raises(errors.NotUnderstood):
        await client(lambda _: httpx.Response(200, json=body)).rename_service(SERVER, "n", None)


async def test_a_window_lets_no_more_through_whenever_it_begins() -> None:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    window, taken = Window(5, 300.0, lambda: now[0], sleep), []
    for _ in range(12):
        await window.take()
        taken.append(now[0])
        now[0] += 10

    assert all(sum(one <= other < one + 300 for other in taken) <= 5 for one in taken)
    window.pause(1000)
    assert window.wait_seconds() == pytest.approx(1000)
