"""What a zone no longer sells: those who have it keep it, nobody else gets it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plugin_sakura import nfs_inputs, server_inputs, switch_inputs

from kokunai.plugin.sakura.products import Products
from support.lab_client import LabClient
from support.plugin_engine import Engine, Failed, urn

pytestmark = pytest.mark.slow

SERVER, SWITCH, NFS = "kokunai:sakura:Server", "kokunai:sakura:Switch", "kokunai:sakura:Nfs"


@pytest.fixture
def sell_out(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Everything is sold out from the call on; `forgotten` file servers are not even listed."""

    def call(*, forgotten: bool = False) -> None:
        original = Products._list

        async def _list(*args: Any, **named: Any) -> list[dict[str, Any]]:
            found = json.loads(json.dumps(await original(*args, **named)))
            for one in found:
                one["Availability"] = "discontinued"
                if one.get("Name") == "sys-nfs":
                    one["Content"] = _without_nfs(one["Content"], forgotten=forgotten)
            return list(found)

        monkeypatch.setattr(Products, "_list", _list)

    return call


def _without_nfs(content: str, *, forgotten: bool) -> str:
    plans = json.loads(content)["plans"]
    for name, ones in plans.items():
        plans[name] = [] if forgotten else [{**one, "availability": "sold out"} for one in ones]
    return json.dumps({"plans": plans})


@pytest.mark.parametrize("forgotten", [False, True])
async def test_a_file_server_keeps_its_plan(engine: Engine, sell_out: Any, forgotten: bool) -> None:
    switch_id, _ = await engine.create(urn(SWITCH, "lan"), switch_inputs())
    where = urn(NFS, "share")
    news, _ = await engine.check(where, nfs_inputs(switch_id))
    id_, state = await engine.create(where, news)

    sell_out(forgotten=forgotten)
    _, seen, _ = await engine.read(where, id_, state, news)
    again, _ = await engine.create(where, news)  # as after a kill before the state was saved
    with pytest.raises(Failed) as refusal:
        await engine.create(urn(NFS, "another"), news)

    assert (seen, again) == (news, id_)
    assert "does not sell NFS" in refusal.value.message


async def test_an_interrupted_create_of_the_last_server_goes_on(
    engine: Engine, lab: LabClient, sell_out: Any
) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, _ = await engine.create(where, news)

    sell_out()
    await engine.create(where, news, preview=True)
    again, _ = await engine.create(where, news)
    for preview in (False, True):
        with pytest.raises(Failed) as refusal:
            await engine.create(urn(SERVER, "another"), news, preview=preview)
        assert "does not sell the server plan" in refusal.value.message

    assert again == id_
    assert lab.counts()["servers"] == 1
