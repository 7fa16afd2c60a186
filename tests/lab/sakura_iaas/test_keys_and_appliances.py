"""SSH keys, notes and NFS appliances."""

import pytest
from sakura_account import PUBLIC_KEY

from kokunai.lab.delays import Delays

FINGERPRINT_LENGTH = 47
NEVER = Delays(copy_seconds=3600, boot_seconds=0, stop_seconds=0)


def nfs_body(switch_id, **changes):
    remark = {
        "Switch": {"ID": switch_id},
        "Network": {"NetworkMaskLen": 24, "DefaultRoute": "192.168.0.1"},
        "Servers": [{"IPAddress": "192.168.0.21"}],
    }
    appliance = {"Class": "nfs", "Name": "nfs", "Plan": {"ID": 201}, "Remark": remark}
    return {"Appliance": {**appliance, **changes}}


def test_a_key_is_the_same_in_every_zone(api):
    key = api.post("sshkey", {"SSHKey": {"Name": "key", "PublicKey": PUBLIC_KEY}})["SSHKey"]
    api.zone = "tk1a"

    changed = api.put(f"sshkey/{key['ID']}", {"SSHKey": {"Description": "d"}})["SSHKey"]

    assert changed == {**key, "Description": "d", "ModifiedAt": changed["ModifiedAt"]}
    assert len(key["Fingerprint"]) == FINGERPRINT_LENGTH
    api.delete(f"sshkey/{key['ID']}")
    assert api.get("sshkey")["Total"] == 0


@pytest.mark.parametrize("public_key", ["ssh-ed25519 AAAA x", "text", "ssh-rsa !!!"])
def test_what_is_no_public_key_is_refused(api, public_key):
    body = {"SSHKey": {"Name": "key", "PublicKey": public_key}}

    assert api.refused("POST", "sshkey", body) == (400, "invalid_format")


def test_a_note_lives_from_create_to_delete(api):
    note = api.post("note", {"Note": {"Name": "n", "Content": "#!/bin/sh\n"}})["Note"]

    changed = api.put(f"note/{note['ID']}", {"Note": {"Content": "#!/bin/bash\n"}})["Note"]

    assert (note["Class"], note["Scope"]) == ("shell", "user")
    assert changed["Content"] == "#!/bin/bash\n"
    api.delete(f"note/{note['ID']}")
    assert api.refused("GET", f"note/{note['ID']}") == (404, "not_found")


def test_an_appliance_boots_by_itself_and_must_be_off_to_be_deleted(api):
    switch_id = api.make_switch()

    made = api.call("POST", "appliance", nfs_body(switch_id))
    path = f"appliance/{made.json()['Appliance']['ID']}"
    api.wait_until_idle()
    running = api.get(path)["Appliance"]
    while_on = api.refused("DELETE", path)
    in_use = api.refused("DELETE", f"switch/{switch_id}")
    api.delete(f"{path}/power", {"Force": True})
    api.wait_until_idle()
    off = api.get(path)["Appliance"]
    api.delete(path)

    assert (made.status_code, made.json()["Success"]) == (202, "Accepted")
    assert (running["Availability"], running["Instance"]["Status"]) == ("available", "up")
    assert running["Interfaces"][0]["UserIPAddress"] == "192.168.0.21"
    assert running["Remark"]["Servers"] == [{"IPAddress": "192.168.0.21"}]
    assert while_on == (409, "server_power_must_be_down")
    assert in_use == (409, "disconnect_b4_delete")
    assert off["Instance"]["Status"] == "down"
    names = [call[0] for call in api.machines.calls]
    assert names.count("ensure_nfs") == 1
    assert names[-1] == "remove_nfs"
    ensured = next(call[1] for call in api.machines.calls if call[0] == "ensure_nfs")
    assert (ensured.size_gib, ensured.address) == (100, "192.168.0.21")


@pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("PUT", "/power")])
def test_an_appliance_that_is_being_made_refuses(open_api, method, path):
    api = open_api(delays=NEVER)
    made = api.post("appliance", nfs_body(api.make_switch()))["Appliance"]

    assert made["Availability"] == "migrating"
    assert api.refused(method, f"appliance/{made['ID']}{path}") == (409, "still_creating")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Class": "vpcrouter"}, "bad_request"),
        ({"Plan": {"ID": 999}}, "param_res_not_found"),
        ({"Remark": {"Switch": {"ID": 113000000009}}}, "param_res_not_found"),
    ],
)
def test_a_wrong_appliance_is_refused(api, change, code):
    body = nfs_body(api.make_switch(), **change)

    assert api.refused("POST", "appliance", body) == (400, code)
