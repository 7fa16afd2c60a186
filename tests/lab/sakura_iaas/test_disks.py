"""Disks: copies in the background, connections, configuration."""

import pytest
from sakura_account import ARCHIVE_ID, PUBLIC_KEY

from kokunai.lab.delays import Delays

pytestmark = pytest.mark.slow

NEVER = Delays(copy_seconds=3600, boot_seconds=0, stop_seconds=0)
SECRET = "correct-horse-battery"


def disk_body(**changes):
    return {"Disk": {"Name": "disk", "SizeMB": 20480, "Plan": {"ID": 4}, **changes}}


def test_a_copy_is_accepted_and_ends_as_available(api):
    response = api.call("POST", "disk", disk_body(SourceArchive={"ID": int(ARCHIVE_ID)}))
    disk_id = response.json()["Disk"]["ID"]
    api.wait_until_idle()

    disk = api.get(f"disk/{disk_id}")["Disk"]

    assert (response.status_code, response.json()["Success"]) == (202, "Accepted")
    assert (disk["Availability"], disk["MigratedMB"]) == ("available", 20480)
    assert disk["SourceArchive"]["ID"] == ARCHIVE_ID
    assert disk["ServiceClass"] == "cloud/disk/ssd/20g"


def test_a_disk_that_is_being_copied_shows_progress_and_refuses_use(open_api):
    api = open_api(delays=NEVER)
    server = api.make_server("shared")
    disk = api.make_disk(server["ID"])
    path = f"disk/{disk['ID']}"

    assert disk["Availability"] == "migrating"
    assert disk["MigratedMB"] < disk["SizeMB"]
    config = api.refused("PUT", f"{path}/config", {"HostName": "x"})
    assert config == (409, "disk_is_not_available")
    assert api.refused("PUT", f"server/{server['ID']}/power") == (409, "disk_is_copying")
    with_disk = {"WithDisk": [disk["ID"]]}
    assert api.refused("DELETE", f"server/{server['ID']}", with_disk) == (409, "disk_is_copying")
    api.delete(f"{path}/to/server")
    assert api.refused("DELETE", path) == (409, "disk_is_copying")


def test_a_blank_disk_is_available_at_once(api):
    response = api.call("POST", "disk", disk_body(SizeMB=102400, Plan={"ID": 2}))

    disk = response.json()["Disk"]
    assert (response.status_code, disk["Availability"]) == (201, "available")
    assert (disk["Plan"]["ID"], disk["SourceArchive"]) == (2, None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"SizeMB": 20481}, "invalid_range"),
        ({"Plan": {"ID": 9}}, "param_res_not_found"),
        ({"SourceArchive": {"ID": 1}}, "param_res_not_found"),
        ({"Server": {"ID": 113000000009}}, "param_res_not_found"),
        ({"Connection": "scsi"}, "invalid_format"),
        ({"Name": ""}, "missing_param"),
        ({"SizeMB": "many"}, "invalid_format"),
    ],
)
def test_a_wrong_disk_is_refused(api, change, code):
    assert api.refused("POST", "disk", disk_body(**change)) == (400, code)
    assert api.state()["counts"]["disks"] == 0


def test_a_disk_smaller_than_its_source_is_refused(api):
    big = api.post("disk", disk_body(SizeMB=40960))["Disk"]

    refusal = api.refused("POST", "disk", disk_body(SourceDisk={"ID": big["ID"]}))

    assert refusal == (400, "size_mismatch")


def test_a_copy_of_a_disk_is_refused_and_not_an_empty_one(api):
    source = api.post("disk", disk_body())["Disk"]

    refusal = api.refused("POST", "disk", disk_body(SourceDisk={"ID": source["ID"]}))

    assert refusal == (403, "forbidden")
    assert api.state()["counts"]["disks"] == 1


def test_disks_are_connected_in_order_and_at_most_four(api):
    server = api.make_server()
    ids = [api.post("disk", disk_body())["Disk"]["ID"] for _ in range(5)]

    for disk_id in ids[:4]:
        api.put(f"disk/{disk_id}/to/server/{server['ID']}")

    connected = api.get(f"server/{server['ID']}")["Server"]["Disks"]
    assert [disk["ID"] for disk in connected] == ids[:4]
    assert [disk["ConnectionOrder"] for disk in connected] == [1, 2, 3, 4]
    fifth = api.refused("PUT", f"disk/{ids[4]}/to/server/{server['ID']}")
    assert fifth == (409, "disk_connection_limit")
    again = api.refused("PUT", f"disk/{ids[0]}/to/server/{server['ID']}")
    assert again == (409, "res_already_connected")


def test_a_connected_disk_cannot_be_deleted(api):
    server = api.make_server()
    disk = api.make_disk(server["ID"])
    api.wait_until_idle()

    assert api.refused("DELETE", f"disk/{disk['ID']}") == (409, "disconnect_b4_delete")
    api.delete(f"disk/{disk['ID']}/to/server")
    not_connected = api.refused("DELETE", f"disk/{disk['ID']}/to/server")
    assert not_connected == (409, "res_already_disconnected")
    api.delete(f"disk/{disk['ID']}")
    assert ("remove_disk", disk["ID"]) in api.machines.calls


def test_a_disk_of_a_running_server_stays_as_it_is(api):
    server = api.make_running()
    path = f"disk/{server['Disks'][0]['ID']}"

    assert api.refused("PUT", f"{path}/config", {}) == (409, "server_power_must_be_down")
    assert api.refused("DELETE", f"{path}/to/server") == (409, "server_power_must_be_down")


def test_the_configuration_is_kept_until_something_else_is_said(api):
    key = api.post("sshkey", {"SSHKey": {"Name": "k", "PublicKey": PUBLIC_KEY}})["SSHKey"]
    note = api.post("note", {"Note": {"Name": "n", "Content": "#!/bin/sh\n"}})["Note"]
    switch_id = api.make_switch()
    server = api.make_server({"ID": switch_id})
    disk = api.make_disk(server["ID"])
    api.wait_until_idle()
    subnet = {"DefaultRoute": "192.168.0.1", "NetworkMaskLen": 24}
    address = {"UserIPAddress": "192.168.0.9", "UserSubnet": subnet}
    keys = {"SSHKey": {"ID": key["ID"]}, "Notes": [{"ID": note["ID"], "Variables": {}}]}

    api.put(f"disk/{disk['ID']}/config", {"HostName": "one", **address, **keys})
    api.put(f"disk/{disk['ID']}/config", {"HostName": "two"})
    api.put(f"server/{server['ID']}/power")
    api.wait_until_idle()

    machine = api.machines.booted[server["ID"]]
    assert (machine.host_name, machine.disk_id) == ("two", disk["ID"])
    assert machine.ssh_public_keys == (PUBLIC_KEY,)
    assert machine.startup_scripts == ("#!/bin/sh\n",)
    assert (machine.nics[0].address, machine.nics[0].gateway) == ("192.168.0.9", "192.168.0.1")
    shown = api.get(f"server/{server['ID']}")["Server"]
    assert shown["HostName"] == "two"
    assert shown["Interfaces"][0]["UserIPAddress"] == "192.168.0.9"
    assert shown["Interfaces"][0]["Switch"]["UserSubnet"] == subnet


def test_a_password_is_kept_as_a_hash_only(api):
    server = api.make_running(Password=SECRET)

    machine = api.machines.booted[server["ID"]]
    kept = b"".join(path.read_bytes() for path in api.places.stores.iterdir())
    assert machine.password_hash.startswith("$6$")
    assert machine.password_login is True
    assert SECRET.encode() not in kept
    assert machine.password_hash.encode() in kept


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"Password": "short"}, "invalid_range"),
        ({"SSHKeys": [{"PublicKey": "no key"}]}, "invalid_format"),
        ({"SSHKeys": [{"ID": 113000000009}]}, "param_res_not_found"),
        ({"Notes": [{"ID": 113000000009}]}, "param_res_not_found"),
        ({"Notes": [{}]}, "missing_param"),
        ({"UserIPAddress": "999.1.1.1"}, "invalid_format"),
    ],
)
def test_a_wrong_configuration_is_refused_and_makes_no_disk(api, config, code):
    body = {**disk_body(), "Config": config}

    assert api.refused("POST", "disk", body) == (400, code)
    assert api.state()["counts"]["disks"] == 0
