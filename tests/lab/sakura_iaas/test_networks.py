"""Switches, interfaces and packet filters."""

import ipaddress

import pytest
from emulator import Recorder

from kokunai.errors import KokunaiError
from kokunai.lab.sakura_iaas import interfaces

pytestmark = pytest.mark.slow

RULE = {
    "Protocol": "tcp",
    "SourceNetwork": "10.0.0.0/8",
    "SourcePort": "",
    "DestinationPort": "22",
    "Action": "allow",
    "Description": "",
}


def make_filter(api, *rules):
    body = {"PacketFilter": {"Name": "filter", "Expression": [*rules]}}
    return api.post("packetfilter", body)["PacketFilter"]


def test_a_switch_lives_from_create_to_delete(api):
    subnet = {"DefaultRoute": "192.168.0.1", "NetworkMaskLen": 24}
    body = {"Name": "sw", "Description": "d", "Tags": ["b", "a"], "UserSubnet": subnet}

    switch = api.post("switch", {"Switch": body})["Switch"]
    renamed = api.put(f"switch/{switch['ID']}", {"Switch": {"Name": "sw2"}})["Switch"]
    api.delete(f"switch/{switch['ID']}")

    assert switch["UserSubnet"] == subnet
    assert (renamed["Name"], renamed["Tags"], renamed["UserSubnet"]) == ("sw2", ["a", "b"], subnet)
    assert api.refused("GET", f"switch/{switch['ID']}") == (404, "not_found")
    assert api.machines.calls == [
        ("ensure_switch", switch["ID"]),
        ("remove_switch", switch["ID"]),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_param"),
        ({"Switch": {}}, "missing_param"),
        ({"Switch": {"Name": "x" * 65}}, "invalid_range"),
        ({"Switch": {"Name": 1}}, "invalid_format"),
        ({"Switch": {"Name": "x", "Tags": ["t"] * 3 + list("abcdefghijk")}}, "invalid_range"),
        ({"Switch": {"Name": "x", "Tags": "t"}}, "invalid_format"),
        ({"Switch": {"Name": "x", "UserSubnet": {"NetworkMaskLen": 31}}}, "invalid_range"),
    ],
)
def test_a_wrong_switch_is_refused_and_leaves_nothing(api, body, code):
    assert api.refused("POST", "switch", body) == (400, code)
    assert api.get("switch")["Total"] == 0


def test_a_switch_in_use_cannot_be_deleted(api):
    switch_id = api.make_switch()
    server = api.make_server({"ID": switch_id})

    assert api.refused("DELETE", f"switch/{switch_id}") == (409, "disconnect_b4_delete")
    assert api.get(f"switch/{switch_id}/server")["Servers"][0]["ID"] == server["ID"]
    assert api.get(f"switch/{switch_id}")["Switch"]["ServerCount"] == 1


def test_shared_addresses_are_the_smallest_free_ones(api):
    first, second, third = (api.make_server("shared") for _ in range(3))
    api.delete(f"server/{second['ID']}")

    fourth = api.make_server("shared")

    network = api.places.shared_network
    addresses = [server["Interfaces"][0]["IPAddress"] for server in (first, third, fourth)]
    assert addresses == [str(network[11]), str(network[13]), str(network[12])]
    subnet = fourth["Interfaces"][0]["Switch"]["Subnet"]
    assert subnet["DefaultRoute"] == str(network[1])
    assert ipaddress.ip_network(f"{subnet['NetworkAddress']}/{subnet['NetworkMaskLen']}") == network


def test_interfaces_show_what_they_are_connected_to(api):
    switch_id = api.make_switch()

    shared, private, loose = api.make_server("shared", {"ID": switch_id}, None)["Interfaces"]

    assert (shared["Switch"]["Scope"], shared["UserIPAddress"]) == ("shared", None)
    assert (private["Switch"]["ID"], private["Switch"]["Subnet"]) == (switch_id, None)
    assert (private["Switch"]["Scope"], private["IPAddress"]) == ("user", None)
    assert loose["Switch"] is None
    macs = {nic["MACAddress"] for nic in (shared, private, loose)}
    assert len(macs) == 3
    assert all(mac.startswith("9C:A3:BA:") for mac in macs)


def test_an_interface_lives_from_create_to_delete(api):
    switch_id, server = api.make_switch(), api.make_server()

    nic = api.post("interface", {"Interface": {"Server": {"ID": server["ID"]}}})["Interface"]
    path = f"interface/{nic['ID']}"
    api.put(f"{path}/to/switch/{switch_id}")
    noted = api.put(path, {"Interface": {"UserIPAddress": "192.168.0.5"}})["Interface"]
    again = api.refused("PUT", f"{path}/to/switch/{switch_id}")
    api.delete(f"{path}/to/switch")
    off_again = api.refused("DELETE", f"{path}/to/switch")
    api.delete(path)

    assert nic["Server"]["ID"] == server["ID"]
    assert (noted["UserIPAddress"], noted["Switch"]["ID"]) == ("192.168.0.5", switch_id)
    assert again == (409, "res_already_connected")
    assert off_again == (409, "res_already_disconnected")
    assert api.get(f"server/{server['ID']}/interface")["Total"] == 0


def test_an_interface_of_a_running_server_stays_as_it_is(api):
    server = api.make_running("shared")
    path = f"interface/{server['Interfaces'][0]['ID']}"

    body = {"Interface": {"Server": {"ID": server["ID"]}}}
    assert api.refused("POST", "interface", body) == (409, "server_power_must_be_down")
    assert api.refused("DELETE", path) == (409, "server_power_must_be_down")
    assert api.refused("DELETE", f"{path}/to/switch") == (409, "server_power_must_be_down")


def test_a_server_has_at_most_ten_interfaces(api):
    body = {
        "Name": "server",
        "ServerPlan": {"CPU": 1, "MemoryMB": 1024},
        "ConnectedSwitches": [None] * 11,
    }

    assert api.refused("POST", "server", {"Server": body}) == (409, "limit_count_in_zone")
    assert api.state()["counts"]["interfaces"] == 0


def test_a_packet_filter_is_updated_in_place(api):
    made = make_filter(api, RULE)
    path = f"packetfilter/{made['ID']}"
    deny = {"Protocol": "ip", "Action": "deny"}

    updated = api.put(path, {"PacketFilter": {"Expression": [RULE, deny]}})["PacketFilter"]
    stale = {"PacketFilter": {"Expression": []}, "OriginalExpressionHash": made["ExpressionHash"]}

    assert made["Expression"] == [RULE]
    assert updated["Expression"][1]["SourceNetwork"] == ""
    assert updated["ExpressionHash"] != made["ExpressionHash"]
    assert api.refused("PUT", path, stale) == (409, "original_hash_mismatch")
    api.delete(path)


@pytest.mark.parametrize(
    "change",
    [
        {"Protocol": "sctp"},
        {"Action": "drop"},
        {"DestinationPort": "70000"},
        {"SourcePort": "a-b"},
        {"SourcePort": "100-22"},
        {"DestinationPort": "２２"},
        {"SourceNetwork": "300.0.0.1"},
        {"SourceNetwork": "10.0.0.1-"},
        {"SourceNetwork": "10.0.0.1-x; flush ruleset"},
        {"SourceNetwork": "10.0.0.9-10.0.0.1"},
    ],
)
def test_a_wrong_rule_is_refused(api, change):
    body = {"PacketFilter": {"Name": "f", "Expression": [{**RULE, **change}]}}

    assert api.refused("POST", "packetfilter", body) == (400, "invalid_format")


@pytest.mark.parametrize(
    "change",
    [
        {"Protocol": "http", "DestinationPort": ""},
        {"SourceNetwork": "10.0.0.1-10.0.0.9"},
        {"SourceNetwork": "10.0.0.0/255.0.0.0"},
        {"DestinationPort": "22-100"},
    ],
)
def test_a_rule_is_kept_as_it_was_written(api, change):
    assert make_filter(api, {**RULE, **change})["Expression"] == [{**RULE, **change}]


def test_a_rule_that_could_not_be_enforced_is_seen_and_stays_owed(open_api):
    class Broken(Recorder):
        def set_filter(self, server_id, interface_id, rules):
            raise KokunaiError(ja="フィルタ", en="no filter")

    api = open_api(machines=Broken())
    server, rules = api.make_running("shared"), make_filter(api, RULE)

    api.put(f"interface/{server['Interfaces'][0]['ID']}/to/packetfilter/{rules['ID']}")

    instance = api.get(f"server/{server['ID']}/power")["Instance"]
    assert "no filter" in instance["Warnings"]
    assert api.state()["owed"] == 1


def test_a_packet_filter_has_at_most_30_rules(api):
    body = {"PacketFilter": {"Name": "f", "Expression": [RULE] * 31}}

    assert api.refused("POST", "packetfilter", body) == (400, "invalid_range")


def test_rules_reach_the_running_host_before_the_answer(api):
    server, rules = api.make_running("shared"), make_filter(api, RULE)
    nic_id = server["Interfaces"][0]["ID"]
    api.machines.calls.clear()

    api.put(f"interface/{nic_id}/to/packetfilter/{rules['ID']}")
    connected = api.machines.calls.pop()
    api.put(f"packetfilter/{rules['ID']}", {"PacketFilter": {"Expression": []}})
    opened = api.machines.calls.pop()
    in_use = api.refused("DELETE", f"packetfilter/{rules['ID']}")
    api.delete(f"interface/{nic_id}/to/packetfilter")
    removed = api.machines.calls.pop()

    assert connected[:3] == ("set_filter", server["ID"], nic_id)
    assert connected[3][0].source_network == "10.0.0.0/8"
    assert (opened[3], removed[3]) == ((), None)
    assert in_use == (409, "disconnect_b4_delete")


def test_addresses_of_the_shared_segment_run_out(api, monkeypatch):
    monkeypatch.setattr(interfaces, "_LAST_SHARED_HOST", 35)
    for _ in range(25):
        api.make_server("shared")

    body = {
        "Name": "one too many",
        "ServerPlan": {"CPU": 1, "MemoryMB": 1024},
        "ConnectedSwitches": [{"Scope": "shared"}],
    }

    assert api.refused("POST", "server", {"Server": body}) == (409, "run_out_of_ipaddress")
    assert api.state()["counts"]["servers"] == 25
