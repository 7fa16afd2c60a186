"""What each change of a server costs, as a table."""

from __future__ import annotations

from typing import Any

import pytest
from plugin_sakura import GOVERNED, IMAGE, KEY, server_inputs

from kokunai.plugin.kind import UNKNOWN, Transition
from kokunai.plugin.sakura.accounts import Accounts
from kokunai.plugin.sakura.server import boot_disk
from kokunai.plugin.sakura.server.kind import Server
from kokunai.plugin.sakura.ssh_key import SshKey

LAN, OTHER, FILTER = "113000000001", "113000000002", "113000000003"
NICS = [
    {"switchId": LAN, "address": "192.168.0.2", "prefixLength": 24, "gateway": ""},
    {"switchId": LAN, "address": "192.168.1.2", "prefixLength": 24, "gateway": ""},
]
BOOT = {"sizeGib": 20, "plan": "ssd", "image": IMAGE}
DATA = {"sizeGib": 40, "plan": "hdd"}
OLD = server_inputs(nics=NICS, disks=[BOOT, DATA])
PLAN = OLD["plan"]

OTHER_KEY = KEY.replace("AQEB", "AgIC")
IN_PLACE, POWER_OFF, REPLACE = "in place", "power off", "replace"
COSTS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"name": "n2"}, {"name": IN_PLACE}),
    ({"description": "d"}, {"description": IN_PLACE}),
    ({"tags": ["t"]}, {"tags[0]": IN_PLACE}),
    ({"labels": {"data-class": "public"}}, {'labels["data-class"]': IN_PLACE}),
    ({"labels": {**OLD["labels"], 'a"b': "c", "d\\": "e"}}, {"labels": IN_PLACE}),
    ({"forceShutdown": True}, {"forceShutdown": IN_PLACE}),
    ({"zone": "tk1a"}, {"zone": REPLACE}),
    ({"startupScript": "#!/bin/sh"}, {"startupScript": REPLACE}),
    ({"disks": [{**BOOT, "image": "other"}, DATA]}, {"disks[0].image": REPLACE}),
    ({"disks": [{**BOOT, "sizeGib": 40}, DATA]}, {"disks[0].sizeGib": REPLACE}),
    ({"disks": [BOOT, {**DATA, "plan": "ssd"}]}, {"disks[1].plan": REPLACE}),
    ({"disks": [BOOT]}, {"disks[1]": POWER_OFF}),
    ({"disks": [BOOT, DATA, DATA]}, {"disks[2]": POWER_OFF}),
    ({"plan": {**PLAN, "cpuCount": 24}}, {"plan.cpuCount": POWER_OFF}),
    ({"plan": {**PLAN, "gpuModel": "x"}}, {"plan.gpuModel": POWER_OFF}),
    ({"hostName": "h2"}, {"hostName": POWER_OFF}),
    ({"sshPublicKeys": []}, {"sshPublicKeys[0]": POWER_OFF}),
    ({"sshPublicKeys": [f"{KEY}@another"]}, {}),
    ({"sshPublicKeys": [f"{KEY}@another", OTHER_KEY]}, {"sshPublicKeys[1]": POWER_OFF}),
    ({"sshPublicKeys": [OTHER_KEY]}, {"sshPublicKeys[0]": POWER_OFF}),
    ({"sshKeyIds": [LAN]}, {"sshKeyIds[0]": POWER_OFF}),
    ({"password": "a long password"}, {"password": POWER_OFF}),
    ({"disablePasswordLogin": False}, {"disablePasswordLogin": POWER_OFF}),
    ({"nics": NICS[:1]}, {"nics[1]": POWER_OFF}),
    ({"nics": [*NICS, NICS[1]]}, {"nics[2]": POWER_OFF}),
    ({"nics": [NICS[0], {**NICS[1], "switchId": OTHER}]}, {"nics[1].switchId": POWER_OFF}),
    ({"nics": [NICS[0], {**NICS[1], "switchId": UNKNOWN}]}, {"nics[1].switchId": POWER_OFF}),
    ({"nics": UNKNOWN}, {"nics": REPLACE}),
    ({"nics": [{**NICS[0], "address": "192.168.0.3"}, NICS[1]]}, {"nics[0].address": POWER_OFF}),
    ({"nics": [{**NICS[0], "gateway": "192.168.0.1"}, NICS[1]]}, {"nics[0].gateway": POWER_OFF}),
    ({"nics": [NICS[0], {**NICS[1], "address": "192.168.1.3"}]}, {"nics[1].address": IN_PLACE}),
    (
        {"nics": [{**NICS[0], "packetFilterId": FILTER}, NICS[1]]},
        {"nics[0].packetFilterId": IN_PLACE},
    ),
]


def costs(state: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    found = {}
    for change in Server(Accounts()).diff(Transition("113000000009", state, old, new)):
        assert change.reason or not (change.replace or change.power_off)
        found[change.path] = (
            REPLACE if change.replace else POWER_OFF if change.power_off else IN_PLACE
        )
    return found


@pytest.mark.parametrize(("change", "expected"), COSTS, ids=lambda one: ",".join(map(str, one)))
def test_a_change_costs_what_it_must_and_no_more(
    change: dict[str, Any], expected: dict[str, str]
) -> None:
    assert costs({"instanceStatus": "up"}, OLD, {**OLD, **change}) == expected


def test_another_comment_behind_a_key_writes_no_disk() -> None:
    other = {**OLD, "sshPublicKeys": [KEY.removesuffix(" me")]}

    assert boot_disk.digest({**OLD, "sshPublicKeys": [KEY]}) == boot_disk.digest(other)
    assert boot_disk.digest(other) != boot_disk.digest({**OLD, "sshPublicKeys": [OTHER_KEY]})


@pytest.mark.parametrize(
    ("key", "replaced"), [(f"{KEY}@another", []), (KEY, []), (OTHER_KEY, ["publicKey"])]
)
def test_a_registered_key_is_replaced_by_another_key_and_not_by_another_comment(
    key: str, replaced: list[str]
) -> None:
    old = {**GOVERNED, "name": "me", "zone": "is1a", "publicKey": KEY}

    found = SshKey(Accounts()).diff(Transition("1", old, old, {**old, "publicKey": key}))

    assert [change.path for change in found if change.replace] == replaced
    assert len(found) == len(replaced)


def test_drift_of_outputs_is_a_change() -> None:
    right = boot_disk.digest(OLD)

    assert costs({"instanceStatus": "down", "configDigest": right}, OLD, OLD) == {
        "instanceStatus": IN_PLACE
    }
    assert costs({"instanceStatus": "up", "configDigest": "0" * 16}, OLD, OLD) == {
        "configDigest": POWER_OFF
    }


def test_a_plan_key_that_is_left_out_may_be_anything() -> None:
    seen = {**OLD, "plan": {**PLAN, "gpuModel": "a", "cpuModel": "b", "generation": 200}}

    assert costs({}, seen, OLD) == {}


def test_an_import_does_not_blame_what_the_api_does_not_tell() -> None:
    unknown = ("sshPublicKeys", "sshKeyIds", "password", "disablePasswordLogin", "site", "labels")
    seen = {
        key: one
        for key, one in OLD.items()
        if key not in (*unknown, "startupScript", "forceShutdown")
    }
    seen["nics"] = [{key: one for key, one in nic.items() if key != "prefixLength"} for nic in NICS]

    wanted = {**OLD, "nics": [{**NICS[0], "gateway": "192.168.0.1"}, NICS[1]]}

    assert costs({"instanceStatus": "up", "configDigest": ""}, seen, wanted) == {}


def test_a_password_changes_the_mark_of_a_disk_and_is_not_in_it() -> None:
    marks = {
        boot_disk.digest({**OLD, "password": word, "sshPublicKeys": [KEY]})
        for word in ("", "a long password", "another password")
    }

    assert len(marks) == 3
    assert all(len(mark) == 16 for mark in marks)
