"""Kills, faults, refusals, cancellations and time-outs: nothing twice, nothing lost."""

# ruff: noqa: B023, ASYNC110 - lambdas run at once; the emulator has no events to wait for

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import pytest
from plugin_sakura import (
    KEY,
    OWNER,
    filter_inputs,
    key_inputs,
    nfs_inputs,
    plugin,
    server_inputs,
    switch_inputs,
)

from kokunai.drivers.sakura_http import SakuraHttp
from kokunai.drivers.sakura_iaas import APPLIANCE, DISK, Collection, Item, SakuraIaas
from kokunai.errors import KokunaiError
from kokunai.plugin.kind import Created, Props, Transition
from kokunai.plugin.sakura import power
from kokunai.plugin.sakura.accounts import Accounts
from kokunai.plugin.sakura.nfs import Nfs
from kokunai.plugin.sakura.packet_filter import PacketFilter
from kokunai.plugin.sakura.server.kind import Server
from kokunai.plugin.sakura.ssh_key import SshKey
from kokunai.plugin.sakura.switch import Switch
from kokunai.plugin.serving.engine_log import EngineLog
from kokunai.plugin.serving.operation import EngineOperation
from support.lab_client import LabClient
from support.plugin_engine import Engine, Failed, urn

SERVER, SWITCH, NFS = "kokunai:sakura:Server", "kokunai:sakura:Switch", "kokunai:sakura:Nfs"
FILTER, KEYS = "kokunai:sakura:PacketFilter", "kokunai:sakura:SshKey"
SCRIPT = "#!/bin/sh\ntrue\n"


class Killed(BaseException):
    """The process is gone: no handler of ours may run any further."""


class Killer:
    """Ends everything at the n-th call that changes something, before or after its effect."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        self.after = False
        original = SakuraHttp.call
        killer = self

        async def call(http: SakuraHttp, method: str, *args: Any, **named: Any) -> Any:
            if method == "GET":
                return await original(http, method, *args, **named)
            killer.left -= 1
            if killer.left == 0 and not killer.after:
                raise Killed
            answer = await original(http, method, *args, **named)
            if killer.left == 0:
                raise Killed
            return answer

        monkeypatch.setattr(SakuraHttp, "call", call)


def operation(lab: LabClient, where: str, owner: str = OWNER) -> EngineOperation:
    return EngineOperation(where, lab.config, EngineLog(""), asyncio.Event(), 60.0, owner=owner)


async def alone(
    kind: Callable[[Accounts], Any], act: Callable[[Any], Coroutine[Any, Any, Any]]
) -> Any:
    """A kind in a process of its own, as far as the API can see."""
    accounts = Accounts()
    try:
        return await act(kind(accounts))
    finally:
        await accounts.close()


async def create(lab: LabClient, kind: Any, where: str, new: Props) -> Created:
    wanted = Transition(new=new)
    made: Created = await alone(kind, lambda one: one.create(operation(lab, where), wanted))
    return made


async def delete(lab: LabClient, kind: Any, where: str, made: Created) -> None:
    there = Transition(made.id, made.outputs)
    await alone(kind, lambda one: one.delete(operation(lab, where), there))


CASES = [
    (Switch, SWITCH, switch_inputs()),
    (SshKey, KEYS, key_inputs()),
    (PacketFilter, FILTER, filter_inputs()),
    (Server, SERVER, server_inputs(startupScript=SCRIPT, hostKeySeed="ab" * 32)),
    (Nfs, NFS, nfs_inputs("SWITCH")),
]


SORTS = ["switch", "key", "filter", "server", "nfs"]


async def network(lab: LabClient, inputs: Props) -> Props:
    """Inputs with the switch that a file server stands on."""
    if inputs.get("switchId") != "SWITCH":
        return inputs
    made = await create(lab, Switch, urn(SWITCH, "lan"), switch_inputs())
    return {**inputs, "switchId": made.id}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "pulumi_type", "inputs"), CASES, ids=SORTS)
async def test_a_create_killed_anywhere_is_continued(  # noqa: PLR0917
    lab: LabClient,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    pulumi_type: str,
    inputs: Props,
    after: bool,
) -> None:
    where = urn(pulumi_type, "one")
    inputs = await network(lab, inputs)
    held = lab.counts()
    killer = Killer(monkeypatch)
    killer.after = after
    kills = 0
    while True:
        killer.left = kills + 1
        try:
            await create(lab, kind, where, inputs)
        except Killed:
            kills += 1
        else:
            break
        lab.settle()
        killer.left = -1
        made = await create(lab, kind, where, inputs)
        assert set(lab.counts().values()) == {1}
        assert "notes" not in lab.counts()
        await delete(lab, kind, where, made)
        assert lab.counts() == held

    assert kills >= (5 if kind is Server else 1)


CHANGED = [
    (
        Server,
        server_inputs(),
        server_inputs(disks=[{**server_inputs()["disks"][0], "sizeGib": 40}]),
    ),
    (Nfs, nfs_inputs("SWITCH"), nfs_inputs("SWITCH", sizeGib=500)),
]


@pytest.mark.parametrize(("kind", "before", "now"), CHANGED, ids=["server", "nfs"])
async def test_what_a_killed_create_left_is_not_taken_for_something_else(
    lab: LabClient, kind: Any, before: Props, now: Props
) -> None:
    made = await alone(
        Switch,
        lambda one: one.create(operation(lab, urn(SWITCH, "lan")), Transition(new=switch_inputs())),
    )
    if kind is Nfs:
        before, now = ({**one, "switchId": made.id} for one in (before, now))
    where = urn(kind.pulumi_type, "one")
    await create(lab, kind, where, before)
    held = lab.counts()

    with pytest.raises(KokunaiError, match=r"sizeGib differs from the inputs"):
        await create(lab, kind, where, now)

    assert lab.counts() == held


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_new_marks_on_what_an_earlier_version_made_may_be_killed_anywhere(
    lab: LabClient, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    where, now = urn(SERVER, "one"), server_inputs()
    then = {name: value for name, value in now.items() if name != "owner"}
    made = await alone(
        Server, lambda one: one.create(operation(lab, where, ""), Transition(new=then))
    )
    killer = Killer(monkeypatch)
    killer.after = after
    kills = 0

    async def update(one: Any) -> Any:
        # The state never learns of what a killed update has done.
        return await one.update(operation(lab, where), Transition(made.id, made.outputs, then, now))

    while True:
        killer.left = kills + 1
        try:
            await alone(Server, update)
        except Killed:
            kills += 1
        else:
            break
        assert set(lab.counts().values()) == {1}

    [disk], [server] = lab.api("GET", "disk")["Disks"], lab.api("GET", "server")["Servers"]
    assert kills >= 2 - after
    assert f"kokunai-owner-{OWNER}" in disk["Tags"]
    assert f"kokunai-owner-{OWNER}" in server["Tags"]
    assert server["Instance"]["Status"] == "up"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_plan_change_killed_anywhere_is_continued(
    lab: LabClient, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    where = urn(SERVER, "one")
    killer = Killer(monkeypatch)
    killer.after = after
    small = server_inputs()
    large = server_inputs(
        plan={**small["plan"], "cpuCount": 24, "memoryGib": 240}, hostName="other"
    )
    made = await create(lab, Server, where, small)
    kills, state, now, then = 0, made.outputs, small, large

    async def update(one: Any) -> Any:
        return await one.update(operation(lab, where), Transition(made.id, state, now, then))

    while True:
        killer.left = kills + 1
        try:
            state = await alone(Server, update)
        except Killed:
            kills += 1
        else:
            break
        lab.settle()
        killer.left = -1
        state = await alone(Server, update)
        seen = await alone(
            Server, lambda one: one.read(operation(lab, where), Transition(made.id, state, then))
        )
        assert seen.inputs == then
        assert (lab.counts()["servers"], lab.counts()["disks"]) == (1, 1)
        now, then = then, now

    assert kills >= 5


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("kind", "pulumi_type", "inputs"), CASES, ids=SORTS)
async def test_a_delete_killed_anywhere_is_continued(  # noqa: PLR0917
    lab: LabClient,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    pulumi_type: str,
    inputs: Props,
    after: bool,
) -> None:
    where = urn(pulumi_type, "one")
    inputs = await network(lab, inputs)
    held = lab.counts()
    killer = Killer(monkeypatch)
    killer.after = after
    kills = 0
    while True:
        killer.left = -1
        made = await create(lab, kind, where, inputs)
        killer.left = kills + 1
        try:
            await delete(lab, kind, where, made)
        except Killed:
            kills += 1
        else:
            break
        lab.settle()
        killer.left = -1
        await delete(lab, kind, where, made)
        assert lab.counts() == held

    assert kills >= (2 if kind in {Server, Nfs} else 1)


FAULTS = [
    {"kind": "status", "status": 503, "when": "before"},
    {"kind": "status", "status": 503, "when": "after"},
    {"kind": "status", "status": 429, "when": "after"},
    {"kind": "reset", "when": "before"},
    {"kind": "reset", "when": "after"},
]


ROUNDS = int(os.environ.get("KOKUNAI_FAULT_ROUNDS", "1"))


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_everything_is_made_once_while_calls_fail(
    engine: Engine, lab: LabClient, seed: int
) -> None:
    engine.next_run()
    await engine.configure({**lab.config, "allowDataLoss": "node0"})  # whose second disk goes
    for index, fault in enumerate(FAULTS):
        lab.fault(**fault, rate=0.05, seed=100 * seed + index, path="/api/cloud/")
    switch_id, switch = await engine.create(urn(SWITCH, "lan"), switch_inputs())
    filter_id, filter_ = await engine.create(urn(FILTER, "f"), filter_inputs())
    key_id, key = await engine.create(urn(KEYS, "k"), key_inputs())
    nics = [
        {"switchId": "shared", "address": "", "gateway": "", "packetFilterId": filter_id},
        {"switchId": switch_id, "address": "192.168.0.5", "gateway": "", "prefixLength": 24},
    ]
    secret = {"startupScript": SCRIPT, "hostKeySeed": "ab" * 32}
    inputs = server_inputs(nics=nics, sshKeyIds=[key_id], **secret)

    names = [f"node{index}" for index in range(4)]
    made = await asyncio.gather(
        *(engine.create(urn(SERVER, name), {**inputs, "name": name}) for name in names),
        engine.create(urn(NFS, "share"), nfs_inputs(switch_id)),
    )
    plan = {**inputs["plan"], "cpuCount": 24, "memoryGib": 240}
    disks = [*inputs["disks"], {"sizeGib": 40, "plan": "ssd"}]
    large = {**inputs, "name": "node0", "plan": plan, "disks": disks, "nics": nics[1:]}
    grown = await engine.update(urn(SERVER, "node0"), *made[0], {**inputs, "name": "node0"}, large)
    small = {**inputs, "name": "node0"}
    await engine.update(urn(SERVER, "node0"), made[0][0], grown, large, small)

    counts = lab.counts()
    assert (counts["servers"], counts["disks"], counts["interfaces"]) == (4, 4, 8)
    assert (counts["switches"], counts["packet_filters"], counts["ssh_keys"]) == (1, 1, 1)
    assert counts["appliances"] == 1
    assert "notes" not in counts
    await asyncio.gather(
        *(engine.delete(urn(SERVER, name), *one) for name, one in zip(names, made, strict=False)),
        engine.delete(urn(NFS, "share"), *made[-1]),
    )
    await engine.delete(urn(SWITCH, "lan"), switch_id, switch)
    await engine.delete(urn(FILTER, "f"), filter_id, filter_)
    await engine.delete(urn(KEYS, "k"), key_id, key)
    assert lab.counts() == {}


async def test_a_refused_disk_keeps_the_server_and_the_next_update_ends_it(
    engine: Engine, lab: LabClient
) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs(password="correct horse battery"))
    lab.fault(
        kind="status",
        status=400,
        rate=1,
        method="POST",
        path="/disk$",
        error_code="limit_count_in_account",
        error_msg="no more disks",
    )

    with pytest.raises(Failed) as failure:
        await engine.raw_create(where, news, secrets=["password"])
    lab.mend()

    assert "no more disks" in failure.value.message
    assert "Traceback" not in failure.value.message
    assert failure.value.outputs["serverId"] == failure.value.id
    raw = failure.value.unfinished
    assert raw is not None
    assert "1b47061264138c4ac30d75fd1eb44270" in str(raw.properties.fields["password"])
    id_, state = failure.value.id, failure.value.outputs
    # A refresh forgets that it is unfinished, so the difference must show it.
    _, seen, refreshed = await engine.read(where, id_, state, news)
    diff = await engine.diff(where, id_, refreshed, seen, news)
    assert {"disks[0]", "instanceStatus"} <= set(diff.detailedDiff)
    outputs = await engine.update(where, id_, state, news, news)
    assert outputs["instanceStatus"] == "up"
    assert (lab.counts()["servers"], lab.counts()["disks"]) == (1, 1)


@pytest.mark.parametrize(
    ("pulumi_type", "inputs"), [case[1:] for case in CASES[:3]], ids=["switch", "key", "filter"]
)
async def test_what_was_found_and_cannot_be_corrected_keeps_its_id(
    engine: Engine, lab: LabClient, pulumi_type: str, inputs: Props
) -> None:
    where = urn(pulumi_type, "one")
    id_, _ = await engine.create(where, inputs)  # killed before the engine saved it
    renamed = {**inputs, "name": "other"}
    lab.fault(kind="status", status=400, rate=1, method="PUT", path="/api/cloud/")

    with pytest.raises(Failed) as failure:
        await engine.create(where, renamed)
    lab.mend()
    await engine.update(where, id_, failure.value.outputs, renamed, renamed)

    assert failure.value.id == id_
    assert (await engine.read(where, id_, {}, renamed))[1] == renamed


async def test_another_key_that_a_killed_create_left_is_refused_and_never_deleted(
    engine: Engine, lab: LabClient
) -> None:
    where = urn(KEYS, "one")
    other = KEY.replace("AQEB", "AgEB", 1)
    made, _ = await engine.create(where, key_inputs())  # killed before the engine saved it

    for preview in (True, False):
        with pytest.raises(Failed, match=f"left {made} for one, and publicKey differs"):
            await engine.create(where, key_inputs(publicKey=other), preview=preview)

    assert (await engine.read(where, f"is1a/{made}"))[1]["publicKey"] == KEY
    assert lab.counts() == {"ssh_keys": 1}


async def test_what_is_booted_while_it_is_removed_is_switched_off_again(
    engine: Engine, lab: LabClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = urn(SERVER, "node")
    id_, state = await engine.create(where, server_inputs())
    original = SakuraIaas.delete_server
    boots = ["once"]

    async def delete_server(api: SakuraIaas, zone: str, *what: Any) -> None:
        if boots:
            boots.clear()
            lab.api("PUT", f"server/{id_}/power")
            lab.settle()
        await original(api, zone, *what)

    monkeypatch.setattr(SakuraIaas, "delete_server", delete_server)

    await engine.delete(where, id_, state, timeout=20)

    assert lab.counts() == {}


async def test_what_the_api_fails_to_make_is_named_with_its_remedy(
    engine: Engine, lab: LabClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_id, _ = await engine.create(urn(SWITCH, "lan"), switch_inputs())
    original = SakuraIaas.read

    async def read(api: SakuraIaas, what: Collection, *where: str) -> Item:
        broken = {"Availability": "failed"} if what in {DISK, APPLIANCE} else {}
        return {**await original(api, what, *where), **broken}

    monkeypatch.setattr(SakuraIaas, "read", read)

    for where, inputs in (
        (urn(SERVER, "node"), server_inputs()),
        (urn(NFS, "share"), nfs_inputs(switch_id)),
    ):
        with pytest.raises(Failed) as failure:
            await engine.create(where, inputs)
        assert f"pulumi up --replace '{where}'" in failure.value.message
        await engine.delete(where, failure.value.id, failure.value.outputs, timeout=20)
    assert lab.counts() == {"switches": 1}


async def test_a_bug_does_not_lose_a_server(
    engine: Engine, lab: LabClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("kokunai.plugin.sakura.server.disks.Disks.make", broken)

    with pytest.raises(Failed) as failure:
        await engine.create(urn(SERVER, "node"), server_inputs())

    assert failure.value.outputs["serverId"] == failure.value.id
    assert "KeyError: 'oops'" in failure.value.message
    assert lab.counts()["servers"] == 1


async def test_a_refused_server_leaves_nothing(engine: Engine, lab: LabClient) -> None:
    lab.fault(kind="status", status=403, rate=1, method="POST", path="/server$")

    with pytest.raises(Failed) as failure:
        await engine.create(urn(SERVER, "node"), server_inputs(startupScript=SCRIPT))

    assert failure.value.unfinished is None
    assert lab.counts() == {}


@pytest.fixture
async def slow(lab: LabClient) -> Any:
    """A lab whose disks take their time."""
    lab.stop()
    lab.start(copy=1.5, boot=0.2)
    async with plugin() as engine:
        await engine.configure(lab.config)
        yield engine


async def test_a_cancel_ends_at_once_and_keeps_the_id(slow: Engine, lab: LabClient) -> None:
    where = urn(SERVER, "node")
    news, _ = await slow.check(where, server_inputs())
    creating = asyncio.create_task(slow.create(where, news))
    while "disks" not in lab.counts():
        await asyncio.sleep(0.02)

    before = time.monotonic()
    await slow.cancel()
    with pytest.raises(Failed) as failure:
        await creating

    assert time.monotonic() - before < 1
    assert "continues" in failure.value.message
    with pytest.raises(Failed) as refusal:
        await slow.create(urn(SERVER, "another"), news)
    assert refusal.value.code is grpc.StatusCode.CANCELLED
    slow.servicer.stop.clear()
    outputs = await slow.update(where, failure.value.id, failure.value.outputs, news, news)
    assert outputs["instanceStatus"] == "up"
    assert (lab.counts()["servers"], lab.counts()["disks"]) == (1, 1)


async def test_a_time_out_keeps_the_id(slow: Engine, lab: LabClient) -> None:
    where = urn(SERVER, "node")
    news, _ = await slow.check(where, server_inputs())

    with pytest.raises(Failed) as failure:
        await slow.create(where, news, timeout=1.0)

    assert "customTimeouts" in failure.value.message
    outputs = await slow.update(where, failure.value.id, failure.value.outputs, news, news)
    assert outputs["instanceStatus"] == "up"
    assert "copying the disk" in slow.log.said(passing=True)


async def test_a_host_that_does_not_shut_down_loses_its_power(
    lab: LabClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "GRACE_SECONDS", 0.2)
    lab.stop()
    lab.start(stop=60.0)
    where = urn(SERVER, "node")
    async with plugin() as engine:
        await engine.configure(lab.config)
        id_, state = await engine.create(where, server_inputs())

        await engine.delete(where, id_, state, timeout=20)

        assert "cutting the power" in engine.log.said()
    assert lab.counts() == {}


async def test_the_emulator_may_die_and_come_back(engine: Engine, lab: LabClient) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    creating = asyncio.create_task(engine.create(where, news))
    while "servers" not in lab.counts():
        await asyncio.sleep(0.01)

    lab.stop(9)
    await asyncio.sleep(0.1)
    lab.start()
    try:
        _, outputs = await creating
    except Failed as failure:
        outputs = await engine.update(where, failure.id, failure.outputs, news, news)

    assert outputs["instanceStatus"] == "up"
    assert (lab.counts()["servers"], lab.counts()["disks"]) == (1, 1)
