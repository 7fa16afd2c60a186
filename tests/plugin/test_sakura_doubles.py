"""A thing is made a second time only if a look that is understood shows that there is none."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import httpx
import pytest

from kokunai.drivers.errors import NotUnderstood
from kokunai.drivers.sakura_http import SakuraHttp
from kokunai.drivers.sakura_iaas import PACKET_FILTER, SERVER, SakuraIaas
from kokunai.plugin.sakura.session import Session, ready
from support.operation import Clocked
from support.sakura_items import page, server

FILTER = {"ID": "113000000009", "Name": "ssh", "Expression": [], "Description": ""}


class Api:
    """Answers lists and creates with what is given; counts the creates."""

    def __init__(self, lists: list[Any], created: Any) -> None:
        self.lists, self.created, self.posts = lists, created, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            answer = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        else:
            self.posts += 1
            answer = self.created
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


def session(api: Api) -> Session:
    http = SakuraHttp("t", "s", calls_per_second=1e6, transport=httpx.MockTransport(api))
    return Session(SakuraIaas(http), Clocked(), "is1a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lost",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200),
        httpx.Response(404, text="<html>"),
        httpx.Response(400, text="<html>"),
        {"is_ok": True},
        {"Server": {**server(), "ID": None}, "Success": True, "is_ok": True},
    ],
)
async def test_after_a_create_that_is_not_understood_one_looks_first(lost) -> None:
    api = Api([page("Servers", []), page("Servers", [server()])], lost)
    work = session(api)

    async def find() -> Any:
        return next(iter(await work.api.find_tagged(SERVER, "is1a", "mine")), None)

    made = await work.create(SERVER, ready({"Server": {"Name": "node"}}), find)

    assert (made["ID"], api.posts) == ("113000000001", 1)


@pytest.mark.parametrize(
    "looked",
    [
        {},
        {"is_ok": True},
        httpx.Response(200),
        httpx.Response(404, text="<html>"),
        page("Servers", [server(Tags=None)]),
        page("Servers", [], Total=1),
        json.loads(json.dumps(page("Servers", [server()])).replace("Servers", "servers")),
    ],
)
async def test_without_a_look_that_is_understood_nothing_is_made(looked) -> None:
    api = Api([looked], {"Server": server(), "is_ok": True})
    work = session(api)

    async def find() -> Any:
        found = await work.call(lambda: work.api.find_tagged(SERVER, "is1a", "mine"))
        return next(iter(found), None)

    with pytest.raises(NotUnderstood):
        await work.create(SERVER, ready({"Server": {"Name": "node"}}), find)

    assert api.posts == 0


@pytest.mark.parametrize(("name", "posts"), [("ssh", 0), ("other", 1)])
async def test_what_may_be_ours_but_lost_its_mark_is_not_made_again(name, posts) -> None:
    api = Api(
        [page("PacketFilters", [{**FILTER, "Description": None}])],
        {"PacketFilter": FILTER, "Success": True, "is_ok": True},
    )
    work = session(api)

    async def find() -> Any:
        await work.all(PACKET_FILTER)

    wanted = ready({"PacketFilter": {"Name": name}})
    with contextlib.suppress(NotUnderstood):
        await work.create(PACKET_FILTER, wanted, find)

    assert api.posts == posts


BARE = page("PacketFilters", [{**FILTER, "Description": None}])
MADE = {"PacketFilter": FILTER, "Success": True, "is_ok": True}
WANTED = ready({"PacketFilter": {"Name": "ssh"}})


async def test_the_refusal_of_a_double_says_which_where_and_what_to_do() -> None:
    work = session(Api([BARE], MADE))

    async def find() -> Any:
        await work.all(PACKET_FILTER)

    with pytest.raises(NotUnderstood) as refusal:
        await work.create(PACKET_FILTER, WANTED, find)

    for said in (refusal.value.message, refusal.value.message_ja):
        assert "113000000009" in said
        assert "is1a" in said
        assert "ssh" in said
    assert "Delete it if it is a leftover" in refusal.value.message
    assert "もう一度実行してください" in refusal.value.message_ja
    assert sum(work.op.slept) < 120  # type: ignore[attr-defined]


@pytest.mark.parametrize("then", [[], [{**FILTER, "Name": "other"}]])
async def test_what_was_just_deleted_or_renamed_holds_up_a_create_for_a_moment_only(then) -> None:
    api = Api([BARE, BARE, page("PacketFilters", then)], MADE)
    work = session(api)

    async def find() -> Any:
        await work.all(PACKET_FILTER)

    made = await work.create(PACKET_FILTER, WANTED, find)

    assert (made["ID"], api.posts) == (FILTER["ID"], 1)


@pytest.mark.parametrize(("lists", "posts"), [(3, 1), (99, 0)])
async def test_what_is_listed_after_its_deletion_is_not_taken_over(lists, posts) -> None:
    gone = httpx.Response(404, json={"is_fatal": True, "error_code": "not_found", "status": "404"})
    both = [page("PacketFilters", [FILTER]), gone] * lists
    api = Api([*both, page("PacketFilters", [])], MADE)
    work = session(api)

    async def find() -> Any:
        return next(iter(await work.all(PACKET_FILTER)), None)

    with contextlib.suppress(NotUnderstood):
        await work.create(PACKET_FILTER, WANTED, find)

    assert api.posts == posts
    assert sum(work.op.slept) < 120  # type: ignore[attr-defined]
