"""Two stacks of one name in one account: what the other one made is refused and never touched."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_sakura import (
    IMAGE,
    KEY,
    OWNER,
    filter_inputs,
    key_inputs,
    nfs_inputs,
    server_inputs,
    switch_inputs,
)
from pulumi.runtime.proto import provider_pb2

from kokunai.plugin.kind import UNKNOWN
from kokunai.plugin.serving import properties
from support.lab_client import LabClient
from support.plugin_engine import Engine, Failed, urn

SERVER, SWITCH, NFS = "kokunai:sakura:Server", "kokunai:sakura:Switch", "kokunai:sakura:Nfs"
FILTER, KEYS = "kokunai:sakura:PacketFilter", "kokunai:sakura:SshKey"
OTHER = "ffeeddccbbaa9988"
LISTS = ("server", "disk", "switch", "packetfilter", "sshkey", "appliance", "note", "interface")


def everything(lab: LabClient) -> dict[str, Any]:
    """All documents of the account, as another client sees them."""
    lab.settle()
    return {path: lab.api("GET", path) for path in LISTS}


def owned_by(owner: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs of another stack; without `owner`, as an earlier version sent them."""
    rest = {name: value for name, value in inputs.items() if name != "owner"}
    return rest if owner is None else {**rest, "owner": owner}


async def one_of_each(
    engine: Engine, owner: str | None = OWNER
) -> dict[str, tuple[str, dict[str, Any], dict[str, Any]]]:
    """By URN: id, state and inputs of a resource of each kind."""
    made: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {}

    async def make(pulumi_type: str, inputs: dict[str, Any]) -> str:
        where, news = urn(pulumi_type, "one"), owned_by(owner, inputs)
        id_, state = await engine.create(where, news)
        made[where] = (id_, state, news)
        return id_

    switch = await make(SWITCH, switch_inputs(tags=[f"t{index}" for index in range(8)]))
    await make(KEYS, key_inputs())
    await make(FILTER, filter_inputs())
    await make(NFS, nfs_inputs(switch))
    await make(SERVER, server_inputs())
    return made


@pytest.mark.parametrize("mine", [OTHER, UNKNOWN, None], ids=["another", "not-known-yet", "none"])
async def test_what_another_stack_of_this_name_made_is_refused_and_not_touched(
    engine: Engine, lab: LabClient, mine: Any
) -> None:
    made = await one_of_each(engine)
    before = everything(lab)

    for where, (id_, state, inputs) in made.items():
        for preview in (True, False):
            if mine is UNKNOWN and not preview:
                continue  # what an `up` sends is known
            with pytest.raises(Failed) as refusal:
                await engine.create(where, owned_by(mine, inputs), preview=preview)
            said = refusal.value.message
            assert refusal.value.unfinished is None
            for told in (OWNER, id_, state["name"], "created 20", "作成 20", "別のスタック名"):
                assert told in said
            assert f"pulumi import {where.split('::')[2]} one is1a/{id_}" in said
            assert f"`pulumi import kokunai:index:Owner NAME {OWNER}`" in said

    assert everything(lab) == before
    assert "taking over" not in engine.log.said()


async def test_what_an_earlier_version_left_is_nobodys_and_refused(
    engine: Engine, lab: LabClient
) -> None:
    made = await one_of_each(engine, owner=None)
    before = everything(lab)

    for where, (id_, _, inputs) in made.items():
        for owner in (OWNER, None):
            with pytest.raises(Failed, match=f"{id_} .*It has no owner mark"):
                await engine.create(where, owned_by(owner, inputs))

    assert everything(lab) == before


async def test_a_preview_says_what_it_takes_over(engine: Engine, lab: LabClient) -> None:
    made = await one_of_each(engine)
    before = everything(lab)

    for where, (id_, _, inputs) in made.items():
        await engine.create(where, inputs, preview=True)
        assert f"{id_} を引き継ぎます" in engine.log.said()
        assert f"taking over {id_}" in engine.log.said()

    assert everything(lab) == before


OTHER_INPUTS = (
    (NFS, {"sizeGib": 500}, "sizeGib"),
    (NFS, {"address": "192.168.0.10"}, "address"),
    (NFS, {"plan": "hdd"}, "plan"),
    (SERVER, {"disks": [{"sizeGib": 40, "plan": "ssd", "image": IMAGE}]}, "sizeGib"),
    (SERVER, {"disks": [{"sizeGib": 20, "plan": "hdd", "image": IMAGE}]}, "plan"),
    (KEYS, {"publicKey": KEY.replace("AEBAQ", "AICAg")}, "publicKey"),
)


async def test_preview_and_up_alike_refuse_what_was_left_with_other_inputs(
    engine: Engine, lab: LabClient
) -> None:
    made = await one_of_each(engine)
    before = everything(lab)

    for kind, changed, path in OTHER_INPUTS:
        id_, _, inputs = made[urn(kind, "one")]
        said = []
        for preview in (True, False):
            with pytest.raises(Failed, match=f"(?s){id_} .*{path}") as refusal:
                await engine.create(urn(kind, "one"), {**inputs, **changed}, preview=preview)
            said.append(refusal.value.message)
        assert said[0] == said[1]
        assert "Put the inputs back" in said[0]
    assert "taking over" not in engine.log.said()

    for kind, unknown in ((NFS, {"switchId": UNKNOWN}), (SERVER, {"nics": UNKNOWN})):
        id_, _, inputs = made[urn(kind, "one")]
        await engine.create(urn(kind, "one"), {**inputs, **unknown}, preview=True)
        assert f"taking over {id_}" in engine.log.said()  # it may well be the same
    assert everything(lab) == before


async def test_the_state_of_an_earlier_version_is_marked_anew_in_place(
    engine: Engine, lab: LabClient
) -> None:
    made = await one_of_each(engine, owner=None)
    started = lab.api("GET", "server")["Servers"][0]["Instance"]["StatusChangedAt"]

    for where, (id_, state, olds) in made.items():
        foreseen = await engine.diff(where, id_, state, olds, owned_by(UNKNOWN, olds))
        news = owned_by(OWNER, olds)
        diff = await engine.diff(where, id_, state, olds, news)
        preview = await engine.update(
            where, id_, state, olds, owned_by(UNKNOWN, olds), preview=True
        )
        updated = await engine.update(where, id_, state, olds, news)
        calm = await engine.diff(where, id_, updated, news, news)
        found, seen, outputs = await engine.read(where, id_, updated, news)

        assert set(foreseen.detailedDiff) == set(diff.detailedDiff) == {"ownerDigest"}
        assert not diff.replaces
        assert repr(preview["ownerDigest"]) == "UNKNOWN"
        assert not calm.detailedDiff
        assert (found, seen, outputs) == (id_, news, updated)
        engine.servicer.replacements.last_diffs.clear()  # as in the process of another command
        assert (await engine.create(where, news))[0] == id_  # and so a lost one is found

    server = lab.api("GET", "server")["Servers"][0]
    assert server["Instance"]["StatusChangedAt"] == started
    [disk] = lab.api("GET", "disk")["Disks"]
    for item in (server, disk, lab.api("GET", "appliance")["Appliances"][0]):
        assert f"kokunai-owner-{OWNER}" in item["Tags"]
    for path, key in (
        ("sshkey", "SSHKeys"),
        ("packetfilter", "PacketFilters"),
        ("server", "Servers"),
    ):
        assert f"-{OWNER} site=" in lab.api("GET", path)[key][0]["Description"]
    for where, (id_, _, inputs) in reversed(made.items()):
        await engine.delete(where, id_, {**inputs, "owner": OWNER})
    assert lab.counts() == {}


async def test_a_namesake_without_a_mark_is_no_reason_to_refuse(
    engine: Engine, lab: LabClient
) -> None:
    theirs = lab.api("POST", "switch", {"Switch": {"Name": "lan", "Tags": ["kokunai", "train"]}})
    public = {"Name": "me", "Description": "[kokunai]", "PublicKey": key_inputs()["publicKey"]}
    lab.api("POST", "sshkey", {"SSHKey": public})

    for preview in (True, False):
        for pulumi_type, inputs in ((SWITCH, switch_inputs()), (KEYS, key_inputs())):
            id_, _ = await engine.create(urn(pulumi_type, "one"), inputs, preview=preview)

    assert id_ != str(theirs["Switch"]["ID"])
    assert lab.counts() == {"switches": 2, "ssh_keys": 2}
    assert "taking over" not in engine.log.said()


async def test_the_preview_of_a_replacement_neither_refuses_nor_takes_over(
    engine: Engine, lab: LabClient
) -> None:
    where, olds = urn(KEYS, "one"), owned_by(None, key_inputs())
    await engine.create(where, olds)
    news = owned_by(UNKNOWN, key_inputs())
    known = {"olds": properties.encode(olds), "news": properties.encode(news)}
    await engine.stub.Check(provider_pb2.CheckRequest(urn=where, **known))
    await engine.stub.Check(provider_pb2.CheckRequest(urn=where, news=known["news"]))

    await engine.create(where, news, preview=True)

    assert "taking over" not in engine.log.said()


async def test_a_renamed_resource_is_not_taken_over_under_its_old_name(
    engine: Engine, lab: LabClient
) -> None:
    old, new = urn(SERVER, "old"), urn(SERVER, "new")
    id_, state = await engine.create(old, server_inputs())
    await engine.diff(new, id_, state, server_inputs(), server_inputs())  # an alias

    await engine.create(old, server_inputs(), preview=True)
    other, _ = await engine.create(old, server_inputs())  # before the renamed one is marked anew

    assert other != id_
    assert "taking over" not in engine.log.said()
    assert (lab.counts()["servers"], lab.counts()["disks"]) == (2, 2)


async def test_disks_of_another_owner_are_never_used_and_never_deleted(
    engine: Engine, lab: LabClient
) -> None:
    where = urn(SERVER, "node")
    id_, state = await engine.create(where, server_inputs())
    [disk] = lab.api("GET", "disk")["Disks"]
    place = next(tag for tag in disk["Tags"] if len(tag) == len("kokunai-") + 16)
    marks = [place, f"kokunai-owner-{OTHER}", "kokunai-disk-1"]
    theirs = {"Name": "theirs", "SizeMB": 20480, "Plan": {"ID": 4}, "Tags": marks}
    lab.api("DELETE", f"server/{id_}/power", {"Force": True})
    lab.settle()
    for more in ({}, {"Server": {"ID": int(id_)}}):
        lab.api("POST", "disk", {"Disk": {**theirs, **more}})
    lab.settle()
    before = {one["ID"]: one for one in lab.api("GET", "disk")["Disks"]}
    disks = [*server_inputs()["disks"], {"sizeGib": 20, "plan": "ssd"}]
    news = server_inputs(disks=disks)

    grown = await engine.update(where, id_, state, server_inputs(), news)
    after = {one["ID"]: one for one in lab.api("GET", "disk")["Disks"]}
    await engine.delete(where, id_, grown)

    assert len(after) == 4
    assert {one["Name"] for one in lab.api("GET", "disk")["Disks"]} == {"theirs"}
    for disk_id, disk in before.items():
        assert disk["Name"] != "theirs" or after[disk_id] == disk
    with pytest.raises(Failed, match=f"(?s)Disk .*{OTHER}"):
        await engine.create(where, news)
    assert lab.counts() == {"disks": 2}


async def test_an_import_is_marked_anew_with_the_importing_stacks_owner(engine: Engine) -> None:
    where = urn(KEYS, "one")
    id_, _ = await engine.create(where, key_inputs())
    news = owned_by(OTHER, key_inputs())

    _, seen, state = await engine.read(where, f"is1a/{id_}")
    diff = await engine.diff(where, id_, state, seen, news)
    updated = await engine.update(where, id_, state, seen, news)

    assert set(diff.detailedDiff) == {"ownerDigest"}
    assert not (await engine.diff(where, id_, updated, news, news)).detailedDiff
    engine.servicer.replacements.last_diffs.clear()  # as in the process of another command
    with pytest.raises(Failed, match=OTHER):
        await engine.create(where, key_inputs())
