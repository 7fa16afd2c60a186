"""Every kind of Sakura's IaaS through its whole life, over gRPC, against the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_sakura import (
    filter_inputs,
    key_inputs,
    nfs_inputs,
    rule,
    server_inputs,
    switch_inputs,
)
from pulumi.runtime.proto import provider_pb2

from kokunai.plugin.serving import properties
from support.lab_client import LabClient
from support.plugin_engine import Engine, Failed, urn

SERVER, SWITCH = "kokunai:sakura:Server", "kokunai:sakura:Switch"
FILTER, KEYS, NFS = "kokunai:sakura:PacketFilter", "kokunai:sakura:SshKey", "kokunai:sakura:Nfs"

SIMPLE = [
    (SWITCH, switch_inputs(tags=["b", "a"], description="社内 LAN"), {"name": "other"}),
    (KEYS, key_inputs(), {"description": "laptop"}),
    (FILTER, filter_inputs(), {"rules": [rule(protocol="udp", sourcePort="53")]}),
]


@pytest.mark.parametrize(
    ("pulumi_type", "inputs", "change"), SIMPLE, ids=["switch", "key", "filter"]
)
async def test_a_resource_lives_and_ends(
    engine: Engine, lab: LabClient, pulumi_type: str, inputs: dict[str, Any], change: dict[str, Any]
) -> None:
    where = urn(pulumi_type, "one")
    news, failures = await engine.check(where, inputs)
    assert not failures

    id_, state = await engine.create(where, news)
    again, _ = await engine.create(where, news)
    assert again == id_

    _, seen, outputs = await engine.read(where, id_, state, news)
    assert (seen, outputs) == (news, state)
    assert not (await engine.diff(where, id_, state, seen, news)).detailedDiff

    wanted = {**news, **change}
    state = await engine.update(where, id_, state, news, wanted)
    _, seen, _ = await engine.read(where, id_, state, wanted)
    assert seen == wanted

    await engine.delete(where, id_, state)
    await engine.delete(where, id_, state)
    assert await engine.read(where, id_, state, wanted) == ("", {}, {})
    assert lab.counts() == {}


@pytest.mark.parametrize(
    ("pulumi_type", "inputs", "change"), SIMPLE, ids=["switch", "key", "filter"]
)
async def test_an_import_needs_only_zone_and_id(
    engine: Engine, pulumi_type: str, inputs: dict[str, Any], change: dict[str, Any]
) -> None:
    where = urn(pulumi_type, "one")
    news, _ = await engine.check(where, inputs)
    id_, _ = await engine.create(where, news)

    found, seen, state = await engine.read(urn(pulumi_type, "imported"), f"is1a/{id_}")

    assert found == id_
    assert seen == news
    assert not (await engine.diff(where, id_, state, seen, news)).detailedDiff


async def network(engine: Engine) -> dict[str, str]:
    ids = {}
    for name, pulumi_type, inputs in (
        ("switch", SWITCH, switch_inputs()),
        ("filter", FILTER, filter_inputs()),
        ("key", KEYS, key_inputs()),
    ):
        ids[name], _ = await engine.create(urn(pulumi_type, name), inputs)
    return ids


def full_server(ids: dict[str, str], **changed: Any) -> dict[str, Any]:
    nics = [
        {"switchId": "shared", "packetFilterId": ids["filter"]},
        {"switchId": ids["switch"], "address": "192.168.0.10", "prefixLength": 24},
    ]
    return server_inputs(
        nics=nics,
        sshKeyIds=[ids["key"]],
        sshPublicKeys=[],
        disks=[*server_inputs()["disks"], {"sizeGib": 40, "plan": "hdd"}],
        startupScript="#!/bin/sh\ntrue\n",
        tags=["x"],
        **changed,
    )


async def test_a_server_lives_and_ends(engine: Engine, lab: LabClient) -> None:
    ids = await network(engine)
    where = urn(SERVER, "node")
    news, failures = await engine.check(where, full_server(ids))
    assert not failures

    id_, state = await engine.create(where, news)
    assert state["serverId"] == id_
    assert state["instanceStatus"] == "up"
    assert state["addresses"][1] == "192.168.0.10"
    assert state["address"] == state["addresses"][0] != ""
    counts = lab.counts()
    assert (counts["servers"], counts["disks"], counts["interfaces"]) == (1, 2, 2)
    assert "notes" not in counts

    _, seen, outputs = await engine.read(where, id_, state, news)
    assert (seen, outputs) == (news, state)

    await engine.delete(where, id_, state)
    await engine.delete(where, id_, state)
    assert set(lab.counts()) == {"switches", "packet_filters", "ssh_keys"}


async def test_an_imported_server_shows_no_change(engine: Engine) -> None:
    ids = await network(engine)
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, full_server(ids))
    id_, _ = await engine.create(where, news)

    found, seen, state = await engine.read(where, f"is1a/{id_}")

    assert found == id_
    assert {name: seen[name] for name in ("plan", "disks", "labels", "site", "tags")} == {
        **{name: news[name] for name in ("disks", "labels", "site", "tags")},
        "plan": {
            **news["plan"],
            "gpuModel": "nvidia_v100_32gbvram",
            "cpuModel": "uncategorized",
            "generation": 200,
        },
    }
    assert not (await engine.diff(where, id_, state, seen, news)).detailedDiff


async def test_a_server_made_elsewhere_is_adopted_without_a_power_off(
    engine: Engine, lab: LabClient
) -> None:
    body = {
        "Server": {
            "Name": "old",
            "ServerPlan": {"CPU": 4, "MemoryMB": 57344, "GPU": 1},
            "ConnectedSwitches": [{"Scope": "shared"}],
        }
    }
    id_ = lab.api("POST", "server", body)["Server"]["ID"]
    disk = {"Name": "d", "SizeMB": 20480, "Plan": {"ID": 4}, "Server": {"ID": id_}}
    lab.api("POST", "disk", {"Disk": disk})
    lab.api("PUT", f"server/{id_}/power")
    lab.settle()
    where = urn(SERVER, "old")
    _, seen, state = await engine.read(where, f"is1a/{id_}")
    assert "site" not in seen
    news = server_inputs(name="new", tags=["t"], disks=seen["disks"])
    before = lab.api("GET", f"server/{id_}")["Server"]["Instance"]["StatusChangedAt"]

    diff = await engine.diff(where, id_, state, seen, news)
    assert set(diff.detailedDiff) == {"name", "tags[0]", "hostName"}
    outputs = await engine.update(where, id_, state, seen, {**news, "hostName": "old"})

    after = lab.api("GET", f"server/{id_}")["Server"]
    assert after["Name"] == "new"
    assert after["Instance"]["StatusChangedAt"] == before
    assert outputs["serverId"] == id_


async def test_a_plan_change_gives_another_id_and_keeps_ours(
    engine: Engine, lab: LabClient
) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)
    wanted = {**news, "plan": {**news["plan"], "cpuCount": 24, "memoryGib": 240}}

    preview = await engine.update(where, id_, state, news, wanted, preview=True)
    changed = await engine.update(where, id_, state, news, wanted)

    assert "電源を切" in engine.log.said()
    assert "power off node" in engine.log.said()
    assert repr(preview["serverId"]) == "UNKNOWN"
    assert preview["address"] == state["address"]
    assert changed["serverId"] != id_
    assert changed["instanceStatus"] == "up"
    found, seen, _ = await engine.read(where, id_, changed, wanted)
    assert (found, seen) == (id_, wanted)
    assert lab.counts()["servers"] == 1
    lost = await engine.read(where, id_, state, wanted)  # a state that missed the change
    assert lost[2]["serverId"] == changed["serverId"]


async def test_disks_and_interfaces_come_and_go(engine: Engine, lab: LabClient) -> None:
    ids = await network(engine)
    where = urn(SERVER, "node")
    small, _ = await engine.check(where, server_inputs())
    large, _ = await engine.check(where, {**full_server(ids), "startupScript": ""})
    id_, state = await engine.create(where, small)

    grown = await engine.update(where, id_, state, small, large)
    assert (len(grown["diskIds"]), len(grown["interfaceIds"])) == (2, 2)
    assert (await engine.read(where, id_, grown, large))[1] == large
    with pytest.raises(Failed, match="no longer declared \\(40 GiB\\) is deleted"):
        await engine.update(where, id_, grown, large, small)
    engine.next_run()
    await engine.configure({**lab.config, "allowDataLoss": "node"})
    shrunk = await engine.update(where, id_, grown, large, small)

    assert (await engine.read(where, id_, shrunk, small))[1] == small
    assert (lab.counts()["disks"], lab.counts()["interfaces"]) == (1, 1)


async def test_two_interfaces_can_change_places(engine: Engine) -> None:
    """The API refuses two interfaces on one switch, even for a moment."""
    first, _ = await engine.create(urn(SWITCH, "first"), switch_inputs(name="first"))
    second, _ = await engine.create(urn(SWITCH, "second"), switch_inputs(name="second"))
    where = urn(SERVER, "node")
    nics = [{"switchId": first}, {"switchId": second}]
    news, _ = await engine.check(where, server_inputs(nics=nics))
    wanted, _ = await engine.check(where, server_inputs(nics=nics[::-1]))
    id_, state = await engine.create(where, news)

    outputs = await engine.update(where, id_, state, news, wanted)

    assert (await engine.read(where, id_, outputs, wanted))[1] == wanted


async def test_what_needs_no_power_off_causes_none(engine: Engine, lab: LabClient) -> None:
    ids = await network(engine)
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, full_server(ids))
    id_, state = await engine.create(where, news)
    lab.fault(kind="status", status=500, rate=1, method="DELETE", path="power$")
    nics = [{"switchId": "shared"}, {**news["nics"][1], "address": "192.168.0.77"}]
    wanted, _ = await engine.check(
        where, {**news, "name": "n2", "nics": nics, "labels": {"data-class": "public"}}
    )

    diff = await engine.diff(where, id_, state, news, wanted)
    outputs = await engine.update(where, id_, state, news, wanted)

    assert not diff.replaces
    assert outputs["addresses"][1] == "192.168.0.77"
    assert (await engine.read(where, id_, outputs, wanted))[1] == wanted


async def test_a_server_that_was_switched_off_is_booted(engine: Engine, lab: LabClient) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)
    lab.api("DELETE", f"server/{id_}/power", {"Force": True})
    lab.settle()
    _, seen, state = await engine.read(where, id_, state, news)

    diff = await engine.diff(where, id_, state, seen, news)
    ignored = await engine.diff(where, id_, state, seen, news, ignore=["instanceStatus"])
    outputs = await engine.update(where, id_, state, seen, news)

    assert set(diff.detailedDiff) == {"instanceStatus"}
    assert not diff.detailedDiff["instanceStatus"].inputDiff
    assert not ignored.detailedDiff
    assert outputs["instanceStatus"] == "up"


async def test_a_server_deleted_behind_our_back_is_gone(engine: Engine, lab: LabClient) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)
    lab.api("DELETE", f"server/{id_}/power", {"Force": True})
    lab.settle()
    lab.api("DELETE", f"server/{id_}", {"WithDisk": state["diskIds"]})

    assert await engine.read(where, id_, state, news) == ("", {}, {})


async def test_a_file_server_lives_and_ends(engine: Engine, lab: LabClient) -> None:
    switch_id, switch = await engine.create(urn(SWITCH, "lan"), switch_inputs())
    where = urn(NFS, "share")
    news, failures = await engine.check(where, nfs_inputs(f"is1a/{switch_id}"))
    assert not failures

    id_, state = await engine.create(where, news)
    found, seen, outputs = await engine.read(where, f"is1a/{id_}")
    renamed = await engine.update(where, id_, state, news, {**news, "name": "files"})

    assert (found, seen) == (id_, news)
    assert outputs == state
    assert renamed["name"] == "files"
    await engine.delete(where, id_, state)
    await engine.delete(urn(SWITCH, "lan"), switch_id, switch)
    assert lab.counts() == {}


async def test_a_switch_in_use_waits_for_its_servers(engine: Engine, lab: LabClient) -> None:
    ids = await network(engine)
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, full_server(ids))
    id_, state = await engine.create(where, news)

    with pytest.raises(Failed) as late:
        await engine.delete(urn(SWITCH, "switch"), ids["switch"], switch_inputs(), timeout=0.5)
    assert "customTimeouts" in late.value.message
    await engine.delete(where, id_, state)
    await engine.delete(urn(SWITCH, "switch"), ids["switch"], switch_inputs())

    assert "switches" not in lab.counts()
    assert "still in use" in engine.log.said(passing=True)


async def test_what_is_not_sold_fails_the_preview_with_what_is(engine: Engine) -> None:
    where = urn(SERVER, "node")
    plan = {**server_inputs()["plan"], "cpuCount": 5}
    disks = [{**server_inputs()["disks"][0], "sizeGib": 33}]
    image = [{**server_inputs()["disks"][0], "image": "Plan 9"}]
    cases = [
        ({"plan": plan}, "24 vCPU/240 GiB/1x nvidia_h100_80gbvram"),
        ({"disks": disks}, "20, 40, 100"),
        ({"disks": image}, "Debian GNU/Linux 12"),
        ({"zone": "xx9z"}, "is1a"),
    ]

    for change, allowed in cases:
        with pytest.raises(Failed) as refusal:
            await engine.create(where, server_inputs(**change), preview=True)
        assert allowed in refusal.value.message
        assert "Traceback" not in refusal.value.message


async def test_a_preview_makes_nothing(engine: Engine, lab: LabClient) -> None:
    id_, outputs = await engine.create(urn(SERVER, "node"), server_inputs(), preview=True)

    assert id_ == ""
    assert repr(outputs["serverId"]) == "UNKNOWN"
    assert outputs["name"] == "node"
    assert lab.counts() == {}


@pytest.mark.parametrize("status", [401, 423, 429, 503])
async def test_a_preview_is_worth_something_without_the_api(
    engine: Engine, lab: LabClient, status: int
) -> None:
    lab.fault(kind="status", status=status, rate=1, path="/api/cloud/")

    _, outputs = await engine.create(urn(SERVER, "node"), server_inputs(), preview=True)

    assert outputs["name"] == "node"
    assert "could not check what is sold" in engine.log.said()


async def test_a_replacement_is_explained_in_the_preview_once(
    engine: Engine, lab: LabClient
) -> None:
    engine.next_run()
    await engine.configure({**lab.config, "allowDataLoss": "node"})
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)
    wanted = {**news, "startupScript": "#!/bin/sh\n"}

    diff = await engine.diff(where, id_, state, news, wanted)
    await engine.create(where, wanted, preview=True)

    assert (list(diff.replaces), diff.deleteBeforeReplace) == (["startupScript"], True)
    assert engine.log.said().count("node will be replaced (startupScript)") == 1


async def test_a_forced_replacement_never_deletes_what_its_create_found(
    engine: Engine, lab: LabClient
) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)

    again, _ = await engine.create(where, news)  # `pulumi up --replace` sends no diff before
    request = provider_pb2.DeleteRequest(urn=where, id=id_, properties=properties.encode(state))
    await engine.stub.Delete(request)

    assert again == id_
    assert lab.counts()["servers"] == 1
    assert "delete_before_replace=True" in engine.log.said()


async def test_a_renamed_server_is_marked_anew_and_its_old_name_is_free(
    engine: Engine, lab: LabClient
) -> None:
    old, new = urn(SERVER, "old"), urn(SERVER, "new")
    news, _ = await engine.check(old, server_inputs())
    id_, state = await engine.create(old, news)

    diff = await engine.diff(new, id_, state, news, news)  # an alias: another URN, nothing else
    state = await engine.update(new, id_, state, news, news)
    calm = await engine.diff(new, id_, state, news, news)
    other, _ = await engine.create(old, news)

    assert set(diff.detailedDiff) == {"ownerDigest"}
    assert not calm.detailedDiff
    assert other != id_
    assert (lab.counts()["servers"], lab.counts()["disks"]) == (2, 2)
    assert (await engine.read(new, id_, state, news))[1] == news


async def test_a_replacement_that_does_not_delete_first_is_refused(engine: Engine) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)
    await engine.diff(where, id_, state, news, {**news, "startupScript": "#!/bin/sh\n"})

    with pytest.raises(Failed) as refusal:
        await engine.create(where, news)
    assert "delete_before_replace" in refusal.value.message

    await engine.delete(where, id_, state)
    assert (await engine.create(where, news))[0] != id_


async def test_a_disk_that_somebody_else_plugged_in_is_never_removed(
    engine: Engine, lab: LabClient
) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)
    disk = {"Name": "precious", "SizeMB": 20480, "Plan": {"ID": 4}, "Server": {"ID": id_}}
    lab.api("DELETE", f"server/{id_}/power", {"Force": True})
    lab.settle()
    other = lab.api("POST", "disk", {"Disk": disk})["Disk"]["ID"]
    lab.api("PUT", f"server/{id_}/power")
    lab.settle()
    wanted = {**news, "description": "new"}

    before = lab.api("GET", f"server/{id_}")["Server"]["Instance"]["StatusChangedAt"]
    state = await engine.update(where, id_, state, news, wanted)
    after = lab.api("GET", f"server/{id_}")["Server"]
    await engine.delete(where, id_, state)

    assert after["Instance"]["StatusChangedAt"] == before
    assert other not in state["diskIds"]
    assert lab.api("GET", f"disk/{other}")["Disk"]["Name"] == "precious"
    assert lab.counts() == {"disks": 1}
    assert str(other) in engine.log.said()


async def test_a_preview_sees_that_a_server_must_be_off_for_what_changed_behind_our_back(
    engine: Engine, lab: LabClient
) -> None:
    where = urn(SERVER, "node")
    news, _ = await engine.check(where, server_inputs())
    id_, state = await engine.create(where, news)
    renamed = {**news, "name": "other"}
    await engine.update(where, id_, state, news, renamed, preview=True)
    assert "power it off" not in engine.log.said()
    lab.api("DELETE", f"server/{id_}/power", {"Force": True})
    lab.settle()
    lab.api("DELETE", f"interface/{state['interfaceIds'][0]}/to/switch")
    lab.api("PUT", f"server/{id_}/power")
    lab.settle()

    await engine.update(where, id_, state, news, renamed, preview=True)

    assert "this change will power it off" in engine.log.said()
