"""`kokunai:sakura:Router` through its whole life, over gRPC, against the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_sakura import GOVERNED, server_inputs

from kokunai.plugin.sakura.accounts import Accounts
from kokunai.plugin.sakura.router import Router
from support.lab_client import LabClient
from support.plugin_engine import Engine, Failed, urn

pytestmark = pytest.mark.slow

ROUTER = "kokunai:sakura:Router"
WHERE = urn(ROUTER, "front")


def router_inputs(**changed: Any) -> dict[str, Any]:
    return {**GOVERNED, "name": "front", "description": "", "tags": [], **changed}


async def made(engine: Engine, **changed: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    news, failures = await engine.check(WHERE, router_inputs(**changed))
    assert not failures
    id_, state = await engine.create(WHERE, news)
    return id_, state, news


async def test_a_router_lives_and_ends(engine: Engine, lab: LabClient) -> None:
    id_, state, news = await made(engine, tags=["b", "a"])
    again, _ = await engine.create(WHERE, news)

    assert again == id_ == state["routerId"]
    assert (news["prefixLength"], news["bandwidthMbps"]) == (28, 100)
    assert state["network"] == "192.0.2.0/28"
    assert state["gateway"] == "192.0.2.1"
    assert (len(state["addresses"]), state["addresses"][0]) == (11, "192.0.2.4")
    assert state["addresses"][-1] == "192.0.2.14"

    _, seen, outputs = await engine.read(WHERE, id_, state, news)
    assert (seen, outputs) == (news, state)

    await engine.delete(WHERE, id_, state)
    await engine.delete(WHERE, id_, state)
    assert lab.counts() == {}


async def test_an_import_shows_no_change(engine: Engine) -> None:
    id_, _, news = await made(engine, prefixLength=27, bandwidthMbps=500)

    found, seen, state = await engine.read(urn(ROUTER, "imported"), f"is1a/{id_}")

    assert (found, seen) == (id_, news)
    assert not (await engine.diff(WHERE, id_, state, seen, news)).detailedDiff


@pytest.mark.parametrize("lost", [{}, {"kind": "reset", "when": "after", "count": 1}])
async def test_another_bandwidth_keeps_switch_and_addresses(
    engine: Engine, lab: LabClient, lost: dict[str, Any]
) -> None:
    id_, state, news = await made(engine)
    wanted = {**news, "bandwidthMbps": 1000}
    diff = await engine.diff(WHERE, id_, state, news, wanted)
    assert list(diff.detailedDiff) == ["bandwidthMbps"]
    assert not diff.replaces
    if lost:
        lab.fault(method="PUT", path="bandwidth$", **lost)

    after = await engine.update(WHERE, id_, state, news, wanted)

    assert after["routerId"] != id_
    kept = ("switchId", "network", "gateway", "addresses")
    assert {name: after[name] for name in kept} == {name: state[name] for name in kept}
    found, seen, _ = await engine.read(WHERE, id_, after, wanted)
    assert (found, seen) == (id_, wanted)
    await engine.delete(WHERE, id_, after)
    assert lab.counts() == {}


async def test_a_new_router_that_is_not_shown_yet_is_waited_for(
    engine: Engine, lab: LabClient
) -> None:
    lab.fault(method="GET", path="internet/[0-9]+$", status=404, error_code="not_found", count=3)

    _, state, _ = await made(engine)

    assert state["addresses"]


async def test_a_lost_answer_makes_no_second_router(engine: Engine, lab: LabClient) -> None:
    lab.fault(method="POST", path="internet$", kind="reset", when="after", count=1)

    await made(engine)

    assert lab.counts() == {"routers": 1, "switches": 1}


async def test_a_router_in_use_is_waited_for(engine: Engine, lab: LabClient) -> None:
    id_, state, _ = await made(engine)
    server = server_inputs(nics=[{"switchId": state["switchId"], "address": state["addresses"][0],
                                  "prefixLength": 28, "gateway": state["gateway"]}])  # fmt: skip
    node = urn("kokunai:sakura:Server", "node")
    server_id, server_state = await engine.create(node, server)

    with pytest.raises(Failed, match="disconnect_b4_delete"):
        await engine.delete(WHERE, id_, state, timeout=1)

    await engine.delete(node, server_id, server_state)
    await engine.delete(WHERE, id_, state)
    assert lab.counts() == {}


@pytest.mark.parametrize(
    ("changed", "path"),
    [({"prefixLength": 29}, "prefixLength"), ({"bandwidthMbps": 120}, "bandwidthMbps")],
)
async def test_what_the_api_does_not_sell_is_refused(
    engine: Engine, changed: dict[str, Any], path: str
) -> None:
    _, failures = await engine.check(WHERE, router_inputs(**changed))

    assert list(failures) == [path]


def test_the_schema_knows_its_choices_as_numbers() -> None:
    kind = Router(Accounts())

    choices = kind.types()["kokunai:sakura:RouterPrefixLength"]

    assert (choices["type"], choices["enum"][-1]) == ("integer", {"value": 28})


async def test_another_block_is_a_replacement_that_says_why(engine: Engine) -> None:
    id_, state, news = await made(engine)

    diff = await engine.diff(WHERE, id_, state, news, {**news, "prefixLength": 27})

    assert list(diff.replaces) == ["prefixLength"]
