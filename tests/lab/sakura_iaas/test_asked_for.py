"""What a call asks for is done or refused by name, and never left out in silence.

Fields and paths are those of github.com/sacloud/iaas-api-go v1.29.2 (internal/define and naked);
error codes those of github.com/sakura-internet/saklient.python (saklient/cloud/errors).
"""

import pytest
from sakura_account import ARCHIVE_ID

from kokunai.lab.delays import Delays
from kokunai.lab.hosts import identity

pytestmark = pytest.mark.slow

KMS_KEY = 113000000901
PNG = "iVBORw0KGgo="
NEVER = Delays(copy_seconds=3600, boot_seconds=0, stop_seconds=0)


def disk_body(**changes):
    return {"Name": "disk", "SizeMB": 20480, "Plan": {"ID": 4}, **changes}


def server_body(**changes):
    plan = {"CPU": 1, "MemoryMB": 1024}
    return {"Server": {"Name": "server", "ServerPlan": plan, **changes}}


def test_an_encrypted_disk_shows_its_algorithm_and_its_key(api):
    body = {"Disk": disk_body(EncryptionAlgorithm="aes256_xts"), "KMSKey": {"ID": KMS_KEY}}

    disk = api.post("disk", body)["Disk"]
    kept = api.get(f"disk/{disk['ID']}")["Disk"]

    assert kept["EncryptionAlgorithm"] == "aes256_xts"
    assert kept["EncryptionKey"] == {"KMSKeyID": str(KMS_KEY)}


@pytest.mark.parametrize(
    ("disk", "beside", "refusal"),
    [
        ({"EncryptionAlgorithm": "rot13"}, {}, (400, "invalid_format")),
        ({}, {"KMSKey": {"ID": KMS_KEY}}, (400, "invalid_param_comb")),
        (
            {"EncryptionAlgorithm": "aes256_xts"},
            {"KMSKey": {"ID": 9}},
            (400, "param_res_not_found"),
        ),
        ({}, {"DistantFrom": [9]}, (400, "param_res_not_found")),
        ({}, {"TargetDedicatedStorageContract": {"ID": 9}}, (403, "forbidden")),
        (
            {"SourceArchive": {"ID": ARCHIVE_ID}, "SourceDisk": {"ID": 9}},
            {},
            (400, "invalid_param_comb"),
        ),
        ({"Icon": {"ID": 9}}, {}, (400, "param_res_not_found")),
        ({}, {"Config": {"HostName": "blank"}}, (503, "unknown_os_type")),
    ],
)
def test_a_disk_that_cannot_be_as_asked_is_refused(api, disk, beside, refusal):
    assert api.refused("POST", "disk", {"Disk": disk_body(**disk), **beside}) == refusal
    assert api.state()["counts"]["disks"] == 0


def test_a_distant_disk_is_on_another_storage(api):
    one = api.post("disk", {"Disk": disk_body()})["Disk"]
    near = api.post("disk", {"Disk": disk_body()})["Disk"]
    far = api.post("disk", {"Disk": disk_body(), "DistantFrom": [one["ID"]]})["Disk"]
    farther = {"Disk": disk_body(), "DistantFrom": [one["ID"], int(far["ID"])]}

    storages = [disk["Storage"]["ID"] for disk in (one, far, api.post("disk", farther)["Disk"])]

    assert near["Storage"]["ID"] == one["Storage"]["ID"]
    assert len(set(storages)) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PrivateHost": {"ID": 9}}, "param_res_not_found"),
        ({"InterfaceNum": 11}, "invalid_range"),
        ({"Icon": {"ID": 9}}, "param_res_not_found"),
        (
            {"ServerPlan": {"CPU": 1, "MemoryMB": 1024, "ConfidentialVM": True}},
            "param_res_not_found",
        ),
        ({"ServerPlan": {"CPU": 1}}, "param_res_not_found"),
    ],
)
def test_a_server_that_cannot_be_as_asked_is_refused(api, change, code):
    assert api.refused("POST", "server", server_body(**change)) == (400, code)
    assert api.state()["counts"]["servers"] == 0


def test_a_server_gets_as_many_interfaces_as_asked_for(api):
    connected = [{"Scope": "shared"}]

    server = api.post("server", server_body(InterfaceNum=3, ConnectedSwitches=connected))["Server"]

    assert [bool(nic["Switch"]) for nic in server["Interfaces"]] == [True, False, False]


def test_cloud_init_is_refused_by_name(api):
    server = api.make_server()
    body = {"UserBootVariables": {"CloudInit": {"UserData": "#cloud-config"}}}

    answer = api.call("PUT", f"server/{server['ID']}/power", body)

    assert answer.status_code == 403
    assert "cloud-init" in answer.json()["error_msg"]
    assert api.status_of(server["ID"]) == "down"


def test_a_server_that_waits_for_its_disk_boots_when_the_copy_is_done(open_api):
    api = open_api(delays=Delays(copy_seconds=0.3, boot_seconds=0, stop_seconds=0))
    server = api.make_server("shared", WaitDiskMigration=True)
    api.make_disk(server["ID"])

    api.put(f"server/{server['ID']}/power")
    at_once = api.status_of(server["ID"])
    api.wait_until_idle()

    assert (at_once, api.status_of(server["ID"])) == ("down", "up")


SCRIPT = """#!/bin/bash
# @sacloud-text required shellarg maxlen=8 name "Name"
# @sacloud-text default="a b" other "Other"
# @sacloud-checkbox flag "Flag"
echo @@@name@@@ @@@other@@@ [@@@flag@@@] @@@free@@@ @@@unknown@@@
"""


def note(api, content):
    return api.post("note", {"Note": {"Name": "n", "Content": content}})["Note"]["ID"]


def test_the_variables_of_a_startup_script_are_put_in(api):
    variables = {"name": "it's", "flag": True, "free": 5}

    server = api.make_running(Notes=[{"ID": note(api, SCRIPT), "Variables": variables}])

    (script,) = api.machines.booted[server["ID"]].startup_scripts
    assert script.splitlines()[-1] == "echo 'it'\"'\"'s' a b [1] 5 @@@unknown@@@"


@pytest.mark.parametrize(
    ("content", "variables", "refusal"),
    [
        (SCRIPT, None, (400, "missing_param")),
        (SCRIPT, {"name": "much-too-long"}, (400, "invalid_range")),
        (SCRIPT, {"name": ["a"]}, (400, "invalid_format")),
        (SCRIPT, "name", (400, "invalid_format")),
        ("# @sacloud-apikey required permission=create AK", {}, (403, "forbidden")),
    ],
)
def test_a_script_whose_variables_do_not_fit_is_refused(api, content, variables, refusal):
    config = {"Notes": [{"ID": note(api, content), "Variables": variables}]}
    body = {"Disk": disk_body(SourceArchive={"ID": ARCHIVE_ID}), "Config": config}

    assert api.refused("POST", "disk", body) == refusal


def test_a_disk_with_dhcp_has_no_fixed_address_on_a_switch(api):
    subnet = {"DefaultRoute": "192.168.0.1", "NetworkMaskLen": 24}
    address = {"UserIPAddress": "192.168.0.9", "UserSubnet": subnet}
    switch = {"ID": api.make_switch()}

    server = api.make_running(switch, EnableDHCP=True, HostName="n", **address)
    fixed = api.make_running({"ID": api.make_switch()}, HostName="n", **address)

    assert api.machines.booted[server["ID"]].nics[0].address == ""
    assert api.machines.booted[fixed["ID"]].nics[0].address == "192.168.0.9"


def test_a_new_partition_id_is_in_the_label_of_the_host(api):
    server = api.make_running(HostName="n", ChangePartitionUUID=True)
    machine = api.machines.booted[server["ID"]]

    label = identity.labels(machine)["etc/kokunai-simulation"].content

    assert len(machine.partition_uuid) == 36
    assert f"partition_uuid: {machine.partition_uuid}\n" in label


def test_a_server_with_blank_disks_only_is_on_without_a_host(api):
    server = api.make_server("shared")
    disk = api.post("disk", {"Disk": disk_body(Server={"ID": server["ID"]})})["Disk"]

    api.put(f"server/{server['ID']}/power")
    api.wait_until_idle()

    assert api.status_of(server["ID"]) == "up"
    assert server["ID"] not in api.machines.booted
    api.delete(f"server/{server['ID']}/power")
    api.wait_until_idle()
    assert api.refused("PUT", f"disk/{disk['ID']}/config", {}) == (503, "unknown_os_type")


def test_an_icon_is_shown_by_what_uses_it(api):
    icon = api.post("icon", {"Icon": {"Name": "i", "Tags": ["t"], "Image": PNG}})["Icon"]
    switch = api.post("switch", {"Switch": {"Name": "s", "Icon": {"ID": icon["ID"]}}})["Switch"]
    path = f"switch/{switch['ID']}"

    renamed = api.put(path, {"Switch": {"Name": "t"}})["Switch"]
    cleared = api.put(path, {"Switch": {"Icon": {"ID": 0, "Tags": []}}})["Switch"]

    assert (switch["Icon"]["ID"], switch["Icon"]["Name"]) == (icon["ID"], "i")
    assert renamed["Icon"]["ID"] == icon["ID"]
    assert cleared["Icon"] is None
    api.delete(f"icon/{icon['ID']}")
    assert api.refused("GET", f"icon/{icon['ID']}") == (404, "not_found")


@pytest.mark.parametrize(
    ("image", "code"),
    [("", "missing_param"), ("***", "invalid_format"), ("aGVsbG8=", "invalid_format")],
)
def test_what_is_no_picture_is_no_icon(api, image, code):
    assert api.refused("POST", "icon", {"Icon": {"Name": "i", "Image": image}}) == (400, code)


def test_a_public_icon_stays(api):
    public = api.get("icon")["Icons"][0]

    assert public["Scope"] == "shared"
    assert api.refused("DELETE", f"icon/{public['ID']}") == (403, "forbidden")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "server/1/keyboard"),
        ("PUT", "server/1/qemu/nmi"),
        ("GET", "server/1/vnc/snapshot"),
        ("PUT", "disk/1/install"),
        ("POST", "archive/1/to/zone/31001"),
        ("POST", "cdrom"),
    ],
)
def test_what_the_lab_does_not_have_is_refused_by_name(api, method, path):
    answer = api.call(method, path)

    assert (answer.status_code, answer.json()["error_code"]) == (403, "forbidden")
    assert "ラボには" in answer.json()["error_msg"]
    assert "The lab does not have this" in answer.json()["error_msg"]
