"""What `check` says: every mistake at once, on its property, and nothing about unknowns."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_sakura import KEY, filter_inputs, nfs_inputs, rule, server_inputs, switch_inputs

from kokunai.plugin.inputs import checked
from kokunai.plugin.kind import UNKNOWN
from kokunai.plugin.sakura import description_mark
from kokunai.plugin.sakura.nfs import NfsInputs
from kokunai.plugin.sakura.packet_filter import PacketFilterInputs
from kokunai.plugin.sakura.server.inputs import ServerInputs
from kokunai.plugin.sakura.ssh_key import SshKeyInputs
from kokunai.plugin.sakura.switch import SwitchInputs

SWITCH_ID = "113000000001"
BOOT = server_inputs()["disks"][0]
GOVERNED = {"zone": "is1a", "site": "sakura-ishikari", "labels": {"data-class": "internal"}}

BROKEN = [
    (SwitchInputs, {}, {"site", "labels", "name", "zone"}),
    (SwitchInputs, switch_inputs(colour="red"), {"colour"}),
    (SwitchInputs, switch_inputs(name=3, tags="x"), {"name", "tags"}),
    (SwitchInputs, switch_inputs(labels={"data-class": 1}), {'labels["data-class"]'}),
    (SwitchInputs, switch_inputs(zone="Ishikari"), {"zone"}),
    (SwitchInputs, switch_inputs(tags=["kokunai-x"]), {"tags"}),
    (SwitchInputs, switch_inputs(tags=[str(n) for n in range(9)]), {"tags"}),
    (SwitchInputs, switch_inputs(description="x" * 301), {"description"}),
    (SwitchInputs, switch_inputs(labels={"data-class": "機" * 60}), {"labels"}),
    (PacketFilterInputs, filter_inputs(labels={"data-class": "x" * 500}), {"labels"}),
    (ServerInputs, server_inputs(labels={"data-class": "x" * 500}), {"labels"}),
    (SshKeyInputs, {**GOVERNED, "name": "k", "publicKey": "-----BEGIN KEY-----"}, {"publicKey"}),
    (SshKeyInputs, {**GOVERNED, "name": "k", "publicKey": f"{KEY}\n{KEY}"}, {"publicKey"}),
    (PacketFilterInputs, filter_inputs(rules=[rule()] * 31), {"rules"}),
    (PacketFilterInputs, filter_inputs(rules=[rule(protocol="gre")]), {"rules[0].protocol"}),
    (PacketFilterInputs, filter_inputs(rules=[rule(action="drop")]), {"rules[0].action"}),
    (
        PacketFilterInputs,
        filter_inputs(rules=[rule(), rule(sourceNetwork="10.0.0.0/33", destinationPort="70000")]),
        {"rules[1].sourceNetwork", "rules[1].destinationPort"},
    ),
    (
        PacketFilterInputs,
        filter_inputs(rules=[rule(protocol="icmp", destinationPort="1"), rule(action="drop")]),
        {"rules[0].destinationPort", "rules[1].action"},
    ),
    (NfsInputs, nfs_inputs("switch", plan="nvme"), {"switchId", "plan"}),
    (
        NfsInputs,
        nfs_inputs(SWITCH_ID, address="host", prefixLength=33, sizeGib=0),
        {"address", "prefixLength", "sizeGib"},
    ),
    (ServerInputs, server_inputs(disks=[]), {"disks"}),
    (ServerInputs, server_inputs(disks=[{"sizeGib": 20, "plan": "ssd"}]), {"disks[0].image"}),
    (ServerInputs, server_inputs(disks=[BOOT, BOOT]), {"disks[1].image"}),
    (
        ServerInputs,
        server_inputs(nics=[{"switchId": "shared", "address": "192.0.2.1"}]),
        {"nics[0].address"},
    ),
    (
        ServerInputs,
        server_inputs(nics=[{"switchId": "shared"}, UNKNOWN, {"switchId": "shared"}]),
        {"nics[2].switchId"},
    ),
    (
        ServerInputs,
        server_inputs(nics=[{"switchId": UNKNOWN}, *[{"switchId": SWITCH_ID}] * 2]),
        {"nics[2].switchId"},
    ),
    (
        ServerInputs,
        server_inputs(nics=[{"switchId": SWITCH_ID, "address": "192.0.2.1"}]),
        {"nics[0].prefixLength"},
    ),
    (
        ServerInputs,
        server_inputs(
            zone="x", disks=[{"sizeGib": 0, "plan": "ssd"}, UNKNOWN, BOOT], nics=7, password="short"
        ),
        {"zone", "disks[0].sizeGib", "disks[0].image", "disks[2].image", "nics", "password"},
    ),
    (ServerInputs, server_inputs(password="short"), {"password"}),
    (ServerInputs, server_inputs(hostName="-bad-"), {"hostName"}),
    (
        ServerInputs,
        server_inputs(
            plan={"cpuCount": "4", "memoryGib": 0, "gpus": 8},
            disks=[{**BOOT, "sizeGib": -1}],
            nics=[{"switchId": "shared", "packetFilterId": "1"}],
            sshKeyIds=["x"],
            sshPublicKeys=["y"],
        ),
        {
            "plan.cpuCount",
            "plan.memoryGib",
            "plan.gpus",
            "disks[0].sizeGib",
            "nics[0].packetFilterId",
            "sshKeyIds[0]",
            "sshPublicKeys[0]",
        },
    ),
]


@pytest.mark.parametrize(("model", "news", "paths"), BROKEN)
def test_every_mistake_is_named_with_its_property_in_both_languages(
    model: Any, news: dict[str, Any], paths: set[str]
) -> None:
    failures = checked(model, news).failures

    assert {one.path for one in failures} == paths
    assert all(one.ja and one.en and one.ja != one.en for one in failures)


def test_an_unknown_property_lists_what_is_allowed_there() -> None:
    plan = {"cpuCount": 4, "memoryGib": 56, "gpus": 8}

    (failure,) = checked(ServerInputs, server_inputs(plan=plan)).failures

    assert "gpuCount, gpuModel" in failure.en
    assert "disks" not in failure.en


def test_a_password_is_not_repeated_in_a_message() -> None:
    (failure,) = checked(ServerInputs, server_inputs(password="hunter2")).failures

    assert "hunter2" not in failure.ja + failure.en


UNKNOWN_INPUTS = [
    (SwitchInputs, switch_inputs(name=UNKNOWN, labels=UNKNOWN, tags=[UNKNOWN])),
    (PacketFilterInputs, filter_inputs(rules=UNKNOWN)),
    (PacketFilterInputs, filter_inputs(rules=[UNKNOWN, rule(sourceNetwork=UNKNOWN)])),
    (NfsInputs, nfs_inputs(UNKNOWN)),
    (ServerInputs, server_inputs(plan=UNKNOWN, disks=UNKNOWN, nics=UNKNOWN, password=UNKNOWN)),
    (ServerInputs, server_inputs(disks=[UNKNOWN], nics=[UNKNOWN], sshKeyIds=[UNKNOWN])),
    (
        ServerInputs,
        server_inputs(
            nics=[{"switchId": UNKNOWN, "packetFilterId": UNKNOWN}],
            disks=[{"sizeGib": UNKNOWN, "plan": "ssd", "image": UNKNOWN}],
        ),
    ),
]


@pytest.mark.parametrize(("model", "news"), UNKNOWN_INPUTS)
def test_an_unknown_leaf_is_let_through_and_stays(model: Any, news: dict[str, Any]) -> None:
    result = checked(model, news)

    assert result.failures == ()
    assert str(result.inputs).count("UNKNOWN") == str(news).count("UNKNOWN")


def test_one_unknown_does_not_hide_another_mistake() -> None:
    failures = checked(SwitchInputs, switch_inputs(name=UNKNOWN, zone=1)).failures

    assert [one.path for one in failures] == ["zone"]


def test_spellings_of_the_same_are_made_one() -> None:
    rules = [rule(sourceNetwork="10.1.2.3/8"), rule(sourceNetwork="192.0.2.1/32")]

    result = checked(PacketFilterInputs, filter_inputs(rules=rules))
    references = checked(NfsInputs, nfs_inputs(f"is1a/{SWITCH_ID}"))
    tags = checked(SwitchInputs, switch_inputs(tags=["b", "a", "b"]))

    networks = [one["sourceNetwork"] for one in result.inputs["rules"]]
    assert networks == ["10.0.0.0/8", "192.0.2.1"]
    assert references.inputs["switchId"] == SWITCH_ID
    assert tags.inputs["tags"] == ["a", "b"]


def test_a_mark_has_the_owner_behind_the_digest_and_an_older_one_has_none() -> None:
    props = {"site": "sakura-ishikari", "labels": {"owner": "team-a"}}
    place, owner = "kokunai-0123456789abcdef", "fedcba9876543210"

    owned = description_mark.read(description_mark.write("text", f"{place}-{owner}", props))
    older = description_mark.read(description_mark.write("text", place, props))

    assert (owned.text, owned.digest, owned.owner) == ("text", place, owner)
    assert (older.text, older.digest, older.owner) == ("text", place, "")
    assert description_mark.governed(owned) == description_mark.governed(older) == props


def test_a_mark_comes_off_as_it_went_on() -> None:
    props = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "個人 情報", "a]b": "c=d", "site": "x", "": ""},
    }

    text = description_mark.write("説明 [1]", "kokunai-0123456789abcdef", props)
    read = description_mark.read(text)

    assert (read.text, read.digest) == ("説明 [1]", "kokunai-0123456789abcdef")
    assert description_mark.governed(read) == props
    assert description_mark.read("plain").text == "plain"
    assert (
        description_mark.read(description_mark.write("", "kokunai-0123456789abcdef", props)).text
        == ""
    )
