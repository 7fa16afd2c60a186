"""Refusals with the codes of github.com/sakura-internet/saklient.python (saklient/cloud/errors)."""

from datetime import UTC, datetime

import pytest

from kokunai.lab.delays import Delays

pytestmark = pytest.mark.slow

RULE = {"Protocol": "tcp", "SourceNetwork": "", "Action": "allow"}
NEVER = Delays(copy_seconds=3600, boot_seconds=0, stop_seconds=0)


def test_two_interfaces_cannot_be_on_one_switch(api):
    switch = {"ID": api.make_switch()}
    server = api.make_server(switch, None)
    second = f"interface/{server['Interfaces'][1]['ID']}/to/switch/{switch['ID']}"
    plan = {"CPU": 1, "MemoryMB": 1024}
    body = {"Name": "s", "ServerPlan": plan, "ConnectedSwitches": [switch, switch]}

    assert api.refused("PUT", second) == (409, "connect_to_same_switch")
    assert api.refused("POST", "server", {"Server": body}) == (409, "connect_to_same_switch")


def test_the_shared_segment_is_for_the_first_interface_only(api):
    server = api.make_server(None, None)
    first, second = [f"interface/{nic['ID']}/to/switch/shared" for nic in server["Interfaces"]]

    assert api.refused("PUT", second) == (409, "conflict")
    api.put(first)


@pytest.mark.parametrize(
    ("network", "address", "refusal"),
    [
        ({"NetworkMaskLen": 99}, "192.168.0.21", (400, "invalid_range")),
        (
            {"NetworkMaskLen": 24, "DefaultRoute": "10.0.0.1"},
            "192.168.0.21",
            (400, "invalid_format"),
        ),
        ({"NetworkMaskLen": 24}, "192.168.0.255", (400, "invalid_format")),
        ({"NetworkMaskLen": 24}, "192.168.0.9", (409, "duplicate_entry")),
        ({"NetworkMaskLen": 24}, "192.168.0.8", (409, "duplicate_entry")),
    ],
)
def test_an_appliance_must_fit_into_its_network(api, network, address, refusal):
    switch_id = api.make_switch()
    nic = api.make_server({"ID": switch_id})["Interfaces"][0]["ID"]
    api.put(f"interface/{nic}", {"Interface": {"UserIPAddress": "192.168.0.9"}})

    def body(given, at):
        remark = {"Switch": {"ID": switch_id}, "Network": given, "Servers": [{"IPAddress": at}]}
        return {"Appliance": {"Class": "nfs", "Name": "n", "Plan": {"ID": 101}, "Remark": remark}}

    api.post("appliance", body({"NetworkMaskLen": 24}, "192.168.0.8"))

    assert api.refused("POST", "appliance", body(network, address)) == refusal


@pytest.mark.parametrize("key", ["Name!=", "Name~", "CPU=", "CreatedAt<>", "Name ", ""])
def test_an_unknown_operator_of_a_filter_is_refused(api, key):
    answer = api.call("GET", "switch", query={"Filter": {key: "x"}})

    assert (answer.status_code, answer.json()["error_code"]) == (400, "filter_unknown_operator")


def test_times_are_compared_as_moments(api):
    api.make_switch()
    created = api.get("switch")["Switches"][0]["CreatedAt"]

    def found(**wanted):
        return api.get("switch", query={"Filter": wanted})["Total"]

    assert created.endswith("+09:00")
    assert found(**{"CreatedAt<": "2000-01-01T00:00:00Z"}) == 0
    assert found(**{"CreatedAt<=": created}) == 1
    # The same moment in another zone: text would put it nine hours earlier.
    in_utc = _utc(created)
    assert found(**{"CreatedAt>": in_utc}) == 0
    assert found(**{"CreatedAt>=": in_utc}) == 1
    assert found(**{"CreatedAt>": "yesterday"}) == 0


def _utc(text):
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("protocol", ["icmp", "fragment", "ip", "http"])
def test_a_protocol_without_ports_has_none(api, protocol):
    rule = {**RULE, "Protocol": protocol, "DestinationPort": "22"}
    body = {"PacketFilter": {"Name": "f", "Expression": [rule]}}

    assert api.refused("POST", "packetfilter", body) == (400, "invalid_param_comb")


def test_a_path_that_is_missing_is_in_the_log(api, caplog):
    api.refused("GET", "sim/1/status")

    assert any("sim/1/status" in line and "404" in line for line in caplog.messages)


def test_what_a_body_names_must_be_in_the_same_zone(api):
    switch_id = api.make_switch()
    body = {
        "Name": "s",
        "ServerPlan": {"CPU": 1, "MemoryMB": 1024},
        "ConnectedSwitches": [{"ID": switch_id}],
    }
    api.zone = "is1b"

    assert api.refused("POST", "server", {"Server": body}) == (400, "must_be_of_same_zone")


def test_the_price_list_has_a_class_that_no_plan_has(api):
    """public/price.json lists an H100 in is1b; the manual and product/server know is1a only."""
    api.zone = "is1b"
    prices = api.get("public/price")["ServiceClasses"]
    plans = api.get("product/server", query={"Filter": {"GPU": 1}})["ServerPlans"]

    assert any("h100" in row["ServiceClassPath"] for row in prices)
    assert plans == []
    gpu = {"CPU": 24, "MemoryMB": 245760, "GPU": 1, "GPUModel": "nvidia_h100_80gbvram"}
    body = {"Server": {"Name": "s", "ServerPlan": gpu}}
    assert api.refused("POST", "server", body) == (400, "param_res_not_found")


def archive(api, **changes):
    return api.post("archive", {"Archive": {"Name": "a", **changes}})


def test_a_copy_of_an_archive_boots_what_it_is_a_copy_of(api):
    source = api.get("archive")["Archives"][1]
    copy = archive(api, SourceArchive={"ID": source["ID"]})["Archive"]
    api.wait_until_idle()
    server = api.make_server("shared")
    disk = {"Name": "d", "SizeMB": 20480, "Plan": {"ID": 4}, "Server": {"ID": server["ID"]}}

    api.post(
        "disk", {"Disk": {**disk, "SourceArchive": {"ID": copy["ID"]}}, "BootAtAvailable": True}
    )
    api.wait_until_idle()

    assert (copy["Availability"], copy["Scope"]) == ("migrating", "user")
    assert api.get(f"archive/{copy['ID']}")["Archive"]["OriginalArchive"] == {"ID": source["ID"]}
    assert api.machines.booted[server["ID"]].image == source["Name"]
    api.put(f"archive/{copy['ID']}", {"Archive": {"Name": "b"}})
    api.delete(f"archive/{copy['ID']}")


def test_an_archive_that_is_being_copied_refuses_use(open_api):
    api = open_api(delays=NEVER)
    source = api.get("archive")["Archives"][0]["ID"]
    copy = archive(api, SourceArchive={"ID": source})["Archive"]["ID"]
    disk = {"Name": "d", "SizeMB": 20480, "Plan": {"ID": 4}, "SourceArchive": {"ID": copy}}

    assert api.refused("POST", "disk", {"Disk": disk}) == (409, "archive_is_incomplete")
    assert api.refused("DELETE", f"archive/{copy}") == (409, "archive_is_incomplete")


def test_a_blank_archive_waits_for_a_file_that_the_lab_cannot_take(api):
    made = archive(api, SizeMB=20480)
    path = f"archive/{made['Archive']['ID']}"

    assert made["Archive"]["Availability"] == "uploading"
    assert made["FTPServer"]["HostName"].endswith(".invalid")
    assert api.refused("PUT", f"{path}/ftp", {}) == (409, "ftp_is_already_open")
    assert api.refused("DELETE", f"{path}/ftp") == (409, "file_not_uploaded")
    disk = {"Name": "d", "SizeMB": 20480, "Plan": {"ID": 4}}
    body = {"Disk": {**disk, "SourceArchive": {"ID": made["Archive"]["ID"]}}}
    assert api.refused("POST", "disk", body) == (409, "archive_is_incomplete")
    api.delete(path)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({}, (400, "missing_param")),
        ({"SizeMB": 1}, (400, "invalid_range")),
        ({"SourceArchive": {"ID": 9}}, (400, "param_res_not_found")),
        ({"SourceDisk": {"ID": 9}}, (403, "forbidden")),
    ],
)
def test_a_wrong_archive_is_refused(api, body, refusal):
    assert api.refused("POST", "archive", {"Archive": {"Name": "a", **body}}) == refusal


def test_a_bridge_takes_one_switch_and_refuses_a_second_by_name(api):
    bridge = api.post("bridge", {"Bridge": {"Name": "b"}})["Bridge"]["ID"]
    one, two = api.make_switch(), api.make_switch()

    api.put(f"switch/{one}/to/bridge/{bridge}")

    assert api.get(f"switch/{one}")["Switch"]["Bridge"] == {"ID": bridge}
    assert api.get(f"bridge/{bridge}")["Bridge"]["SwitchInZone"]["ID"] == one
    assert api.refused("PUT", f"switch/{two}/to/bridge/{bridge}") == (403, "forbidden")
    assert api.refused("DELETE", f"bridge/{bridge}") == (409, "disconnect_b4_delete")
    assert api.refused("DELETE", f"switch/{one}") == (409, "disconnect_b4_delete")
    api.delete(f"switch/{one}/to/bridge")
    api.delete(f"bridge/{bridge}")


def test_an_iso_image_is_shown_at_the_server_until_it_is_ejected(api):
    server, image = api.make_server()["ID"], {"CDROM": {"ID": api.get("cdrom")["CDROMs"][0]["ID"]}}
    path = f"server/{server}/cdrom"

    api.put(path, image)

    shown = api.get(f"server/{server}")["Server"]["Instance"]["CDROM"]
    assert shown == image["CDROM"]
    assert api.refused("PUT", path, image) == (409, "cdrom_in_use")
    api.delete(path, image)
    assert api.refused("DELETE", path, image) == (409, "missing_iso_image")
    assert api.refused("GET", f"server/{server}/vnc/proxy") == (409, "server_power_must_be_up")
