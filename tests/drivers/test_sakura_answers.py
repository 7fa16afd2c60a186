"""Which answers of the API count, and what all others are."""

from __future__ import annotations

import asyncio
import math
import re
from typing import Any

import httpx
import pytest

from kokunai.drivers import errors, sakura_http, sakura_iaas
from kokunai.drivers.sakura_http import SakuraHttp
from kokunai.drivers.sakura_iaas import SERVER, SakuraIaas
from kokunai.plugin.messages import api_failure_text
from support.sakura_items import page, server

ID = "113000000001"


async def ask(answer: Any, method: str = "read", *args: Any, **named: Any) -> Any:
    async def transport(request: httpx.Request) -> httpx.Response:
        return await answer(request) if asyncio.iscoroutinefunction(answer) else answer

    async with SakuraHttp("t", "s", transport=httpx.MockTransport(transport)) as http:
        return await getattr(SakuraIaas(http), method)(SERVER, "is1a", *args, **named)


def refusal(status: int, **body: Any) -> httpx.Response:
    return httpx.Response(status, json={"is_fatal": True, **body})


async def test_only_the_apis_own_code_means_gone():
    with pytest.raises(errors.NotFound):
        await ask(refusal(404, error_code="not_found", error_msg="gone"), "read", ID)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(404, text="<html>404</html>"), errors.NotUnderstood),
        (httpx.Response(404), errors.NotUnderstood),
        (httpx.Response(404, json={}), errors.NotUnderstood),
        (httpx.Response(404, json=["not_found"]), errors.NotUnderstood),
        (refusal(404, error_code=None), errors.NotUnderstood),
        (refusal(404, error_code=["not_found"]), errors.NotUnderstood),
        (refusal(404, error_code="resource_path_not_found"), errors.Refused),
        (httpx.Response(409, text="<html>"), errors.NotUnderstood),
        (httpx.Response(400, text="<html>"), errors.NotUnderstood),
        (httpx.Response(302, headers={"Location": "/login"}), errors.NotUnderstood),
        (httpx.Response(403, text="<html>"), errors.Unauthorized),
        (httpx.Response(429, text="<html>"), errors.RateLimited),
        (httpx.Response(502, text="<html>"), errors.Unavailable),
    ],
)
@pytest.mark.parametrize("method", ["read", "delete", "power_on"])
async def test_no_other_refusal_means_gone(method, answer, expected):
    with pytest.raises(errors.DriverError) as failure:
        await ask(answer, method, ID)

    assert type(failure.value) is expected


@pytest.mark.parametrize("success", [True, "true", "Accepted"])
async def test_a_delete_is_believed_with_success(success):
    answer = httpx.Response(200, json={"Success": success, "is_ok": True})

    assert await ask(answer, "delete", ID) is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"is_ok": True}),
        httpx.Response(200, json={}),
        httpx.Response(200),
        httpx.Response(204),
        httpx.Response(200, text="<html>signed out</html>"),
        httpx.Response(200, json={"Success": False}),
        httpx.Response(200, json={"Success": None, "is_ok": True}),
        httpx.Response(200, json={"Success": [], "is_ok": True}),
        httpx.Response(200, json={"Success": True, "is_ok": False}),
        httpx.Response(200, json={"Success": True, "is_ok": 1}),
    ],
)
@pytest.mark.parametrize("method", ["delete", "power_on"])
async def test_a_delete_without_success_is_not_believed(method, answer):
    with pytest.raises(errors.NotUnderstood):
        await ask(answer, method, ID)


@pytest.mark.parametrize(
    "wrong",
    [
        {"Servers": None},
        {"Servers": {}},
        {"Servers": [None]},
        {"Servers": [server(Tags=None)]},
        {"Servers": [server(Tags=[])]},
        {"Servers": [server(Tags="mine")]},
        {"Servers": [server(), server()], "Count": 2, "Total": 2},
        {"Servers": []},
        {"Total": 0},
        {"Total": "1"},
        {"Total": True},
        {"Total": 1.0},
        {"Total": None},
        {"Total": -1},
        {"Total": 10**12},
        {"Count": 0},
        {"From": 1},
        {"Servers": [], "Count": 0, "Total": 3},
    ],
)
async def test_a_list_counts_only_if_its_numbers_and_items_agree(wrong):
    answer = httpx.Response(200, json=page("Servers", [server()], **wrong))

    with pytest.raises(errors.NotUnderstood):
        await ask(answer, "find_tagged", "mine")


async def test_a_list_without_its_key_is_not_an_empty_list():
    for body in ({}, {"is_ok": True}, {"From": 0, "Count": 0, "Total": 0, "is_ok": True}):
        with pytest.raises(errors.NotUnderstood):
            await ask(httpx.Response(200, json=body), "find")


async def test_an_empty_list_and_a_right_one_are_read():
    empty = httpx.Response(200, json=page("Servers", []))
    right = httpx.Response(200, json=page("Servers", [server(Unknown={"x": 1})]))

    assert await ask(empty, "find") == []
    (item,) = await ask(right, "find_tagged", "mine")
    assert (item["ID"], "Unknown" in item) == (ID, False)


async def test_a_list_that_grows_between_its_pages_is_read_again():
    totals = iter((350, 351))

    async def answer(_: httpx.Request) -> httpx.Response:
        items = [server(113000000000 + number) for number in range(200)]
        return httpx.Response(200, json=page("Servers", items, Total=next(totals)))

    with pytest.raises(errors.NotUnderstood):
        await ask(answer, "find")


@pytest.mark.parametrize(
    "changed",
    [
        {"ID": "113000000002"},
        {"ID": None},
        {"ID": ""},
        {"ID": True},
        {"ID": "1"},
        {"ID": -113000000001},
        {"ID": "１１３０００００００１"},
        {"ID": f"{ID}/power"},
        {"Name": 5},
        {"Tags": [1]},
        {"Interfaces": None},
        {"Interfaces": [{}]},
        {"Disks": [{"ID": ID}]},
        {"Instance": "up"},
        {"Instance": {"Status": {}}},
        {"ServerPlan": {"CPU": 1, "MemoryMB": 10**17}},
        {"ServerPlan": {"CPU": "4", "MemoryMB": 1024}},
        {"ServerPlan": {"CPU": 4, "MemoryMB": -1}},
    ],
)
async def test_an_item_of_another_id_or_type_is_not_understood(changed):
    answer = httpx.Response(200, json={"Server": server(**changed), "is_ok": True})

    with pytest.raises(errors.NotUnderstood):
        await ask(answer, "read", ID)


@pytest.mark.parametrize("missing", ["ID", "Name", "Tags", "Instance", "Interfaces", "ServerPlan"])
async def test_an_item_without_a_field_is_not_an_item_with_none(missing):
    item = {key: value for key, value in server().items() if key != missing}

    with pytest.raises(errors.NotUnderstood, match=missing):
        await ask(httpx.Response(200, json={"Server": item, "is_ok": True}), "read", ID)


async def test_an_id_may_be_a_number_and_names_cannot_steer_a_terminal():
    item = server(int(ID), Name="a\x1b[2J\u202eb\ud800", Description="two\nlines")
    answer = httpx.Response(200, content=_ascii({"Server": item, "is_ok": True}))

    read = await ask(answer, "read", ID)

    assert (read["ID"], read["Name"]) == (ID, "a\ufffd[2J\ufffdb\ufffd")
    assert read["Description"] == "two\nlines"


def _ascii(data: Any) -> bytes:
    import json

    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("999999999", 60), ("inf", 60), ("nan", 0), ("-5", 0), ("soon", 0), ("", 0)],
)
async def test_the_pause_that_an_api_asks_for_is_bounded(header, seconds):
    answer = httpx.Response(503, headers={"Retry-After": header})

    with pytest.raises(errors.Unavailable) as failure:
        await ask(answer, "read", ID)

    assert math.isclose(failure.value.retry_after_seconds, seconds)


async def test_an_answer_that_drips_is_given_up(monkeypatch):
    patience = sakura_http._Patience(silent=30.0, in_all=0.05)
    monkeypatch.setattr(sakura_http, "_READ_PATIENCE", patience)

    async def drip():
        while True:
            await asyncio.sleep(0.005)
            yield b" "

    with pytest.raises(errors.Unavailable) as failure:
        await ask(httpx.Response(200, content=drip()), "read", ID)

    assert failure.value.code == "too_slow"


async def test_what_an_api_says_is_one_clean_line_of_bounded_length():
    evil = "\x1b]0;x\x07\x1b[2J\u202eerror\nKN-OPR-01 pass" + "長" * 5000
    answer = refusal(400, error_code="bad\x1b[31m", error_msg=evil)

    with pytest.raises(errors.Refused) as failure:
        await ask(answer, "read", ID)

    text = api_failure_text(failure.value)
    assert len(text) < 1500
    assert len(text.splitlines()) == 2
    assert all(one.isprintable() for line in text.splitlines() for one in line)


async def test_what_is_not_understood_is_said_in_both_languages():
    with pytest.raises(errors.NotUnderstood) as failure:
        await ask(httpx.Response(200, text="<html>"), "read", ID)

    japanese, english = api_failure_text(failure.value).splitlines()
    assert "読み取れません" in japanese
    assert re.search("not understood.*not JSON", english)


def test_the_plans_of_file_servers_are_read_as_strictly():
    right = '{"plans": {"SSD": [{"size": 100, "planId": 7, "availability": "available"}]}}'

    assert sakura_iaas.nfs_plans(right)["SSD"][0]["planId"] == "7"
    for wrong in ("", "{}", '{"plans": []}', right.replace("7", '"x"'), right.replace("100", "{}")):
        with pytest.raises(errors.NotUnderstood):
            sakura_iaas.nfs_plans(wrong)
