"""Servers and their power."""

import sqlite3
from typing import ClassVar

import pytest
from emulator import Recorder
from sakura_account import PUBLIC_KEY

from kokunai.errors import KokunaiError

pytestmark = pytest.mark.slow

H100 = {"CPU": 24, "MemoryMB": 245760, "GPU": 1, "GPUModel": "nvidia_h100_80gbvram"}


def test_a_server_is_made_of_the_newest_plan_that_fits(api):
    server = api.make_server("shared", Description="d", Tags=["b", "a"], HostName="h")

    assert server["ServerPlan"]["Generation"] == 200
    assert server["ServiceClass"] == "cloud/plan/1core-1gb-g2"
    assert (server["Tags"], server["HostName"]) == (["a", "b"], "h")
    assert server["Zone"]["Name"] == "is1a"
    assert server["Instance"]["Status"] == "down"
    assert server["Availability"] == "available"


@pytest.mark.parametrize(
    "plan",
    [
        {"CPU": 3, "MemoryMB": 3},
        {"CPU": 24, "MemoryMB": 245760},
        {**H100, "GPUModel": "nvidia_h300"},
        {**H100, "Generation": 100},
        {"CPU": 1, "MemoryMB": 1024, "Commitment": "dedicatedcpu"},
        {"ID": 999},
        {"MemoryMB": 1024},
    ],
)
def test_a_plan_that_is_not_sold_is_refused(api, plan):
    body = {"Server": {"Name": "server", "ServerPlan": plan}}

    assert api.refused("POST", "server", body) == (400, "param_res_not_found")
    assert api.state()["counts"]["servers"] == 0


def test_a_gpu_server_shows_its_gpu_on_the_bus(api):
    server = api.make_server("shared", ServerPlan=H100)
    api.make_disk(server["ID"], BootAtAvailable=True)
    api.wait_until_idle()

    gpu = api.machines.booted[server["ID"]].gpu

    assert (gpu.model, gpu.count, gpu.vendor_id) == ("nvidia_h100_80gbvram", 1, "10de")


def test_an_unknown_switch_refuses_the_whole_server(api):
    body = {
        "Name": "server",
        "ServerPlan": {"CPU": 1, "MemoryMB": 1024},
        "ConnectedSwitches": [{"Scope": "shared"}, {"ID": 113000000009}],
    }

    assert api.refused("POST", "server", {"Server": body}) == (400, "param_res_not_found")
    assert api.state()["counts"] | {"servers": 0, "interfaces": 0} == api.state()["counts"]


def test_names_and_tags_change_while_it_runs(api):
    server = api.make_running()

    changed = api.put(f"server/{server['ID']}", {"Server": {"Name": "new", "Tags": ["t"]}})

    assert (changed["Server"]["Name"], changed["Server"]["Tags"]) == ("new", ["t"])
    assert api.status_of(server["ID"]) == "up"


def test_the_host_boots_as_the_calls_described(api):
    switch_id = api.make_switch()
    server = api.make_running(
        "shared",
        {"ID": switch_id},
        HostName="node-1",
        Password="a-long-password",
        DisablePWAuth=True,
        SSHKeys=[{"PublicKey": PUBLIC_KEY}],
    )

    machine = api.machines.booted[server["ID"]]

    assert (machine.host_name, machine.ssh_public_keys) == ("node-1", (PUBLIC_KEY,))
    assert machine.password_hash.startswith("$6$")
    assert machine.password_login is False
    assert [nic.address for nic in machine.nics] == [server["Interfaces"][0]["IPAddress"], ""]
    assert machine.nics[0].gateway == api.places.gateway
    assert [nic.switch_id for nic in machine.nics] == ["shared", switch_id]
    assert machine.nics[0].mac_address == server["Interfaces"][0]["MACAddress"].lower()
    assert machine.nics[0].filter_rules is None


def test_power_off_is_seen_as_down_only_when_the_host_is_off(api):
    server = api.make_running()
    path = f"server/{server['ID']}"

    api.delete(f"{path}/power", {"Force": True})
    api.wait_until_idle()

    instance = api.get(f"{path}/power")["Instance"]
    assert (instance["Status"], instance["BeforeStatus"]) == ("down", "cleaning")
    assert ("power_off", server["ID"], True) in api.machines.calls
    assert api.machines.running() == set()


def test_power_on_is_seen_as_up_only_when_the_host_is_on(api):
    server = api.make_server("shared")
    api.make_disk(server["ID"])
    api.wait_until_idle()
    api.machines.gate.clear()

    api.put(f"server/{server['ID']}/power")
    before = api.status_of(server["ID"])
    twice = api.refused("PUT", f"server/{server['ID']}/power")
    deleted = api.refused("DELETE", f"server/{server['ID']}")
    api.machines.gate.set()
    api.wait_until_idle()

    assert before == "down"
    assert twice == (409, "conflict")
    assert deleted == (409, "server_power_must_be_down")
    assert api.status_of(server["ID"]) == "up"


def test_power_off_during_the_boot_ends_in_down(api):
    server = api.make_server("shared")
    api.make_disk(server["ID"])
    api.wait_until_idle()
    api.machines.gate.clear()

    api.put(f"server/{server['ID']}/power")
    api.delete(f"server/{server['ID']}/power", {"Force": True})
    api.machines.gate.set()
    api.wait_until_idle()

    assert api.status_of(server["ID"]) == "down"
    assert api.machines.running() == set()


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("DELETE", "", "server_power_must_be_down"),
        ("PUT", "/plan", "server_power_must_be_down"),
        ("PUT", "/power", "conflict"),
    ],
)
def test_a_running_server_refuses(api, method, path, code):
    server = api.make_running()

    assert api.refused(method, f"server/{server['ID']}{path}", {"CPU": 1}) == (409, code)


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/power"), ("PUT", "/reset")])
def test_a_server_that_is_off_refuses(api, method, path):
    server = api.make_server()

    refusal = api.refused(method, f"server/{server['ID']}{path}")

    assert refusal == (409, "server_power_must_be_up")


def test_reset_stops_and_boots_again(api):
    server = api.make_running()
    api.machines.calls.clear()

    api.put(f"server/{server['ID']}/reset")
    api.wait_until_idle()

    assert api.machines.calls == [("power_off", server["ID"], True), ("boot", server["ID"])]
    assert api.status_of(server["ID"]) == "up"


def test_deleting_takes_the_named_disks_and_leaves_the_others(api):
    server = api.make_server("shared")
    system, data = api.make_disk(server["ID"]), api.make_disk(server["ID"])
    api.wait_until_idle()

    api.delete(f"server/{server['ID']}", {"WithDisk": [int(system["ID"])]})

    assert api.refused("GET", f"disk/{system['ID']}") == (404, "not_found")
    assert api.get(f"disk/{data['ID']}")["Disk"]["Server"] is None
    assert api.state()["counts"]["interfaces"] == 0
    calls = [call for call in api.machines.calls if call[0].startswith("remove")]
    assert calls == [("remove_machine", server["ID"]), ("remove_disk", system["ID"])]


def test_deleting_with_a_disk_of_another_server_changes_nothing(api):
    one, other = api.make_server(), api.make_server()
    disk = api.make_disk(other["ID"])
    api.wait_until_idle()

    refusal = api.refused("DELETE", f"server/{one['ID']}", {"WithDisk": [disk["ID"]]})

    assert refusal == (400, "param_res_not_found")
    assert api.state()["counts"]["servers"] == 2


def test_a_plan_change_gives_a_new_id_and_keeps_disks_and_interfaces(api):
    server = api.make_server("shared", Tags=["t"])
    disk = api.make_disk(server["ID"])
    api.wait_until_idle()
    plan = {"CPU": 2, "MemoryMB": 4096, "Commitment": "standard"}

    moved = api.put(f"server/{server['ID']}/plan", plan)["Server"]

    assert moved["ID"] != server["ID"]
    assert (moved["ServerPlan"]["CPU"], moved["Tags"]) == (2, ["t"])
    assert moved["Disks"][0]["ID"] == disk["ID"]
    assert moved["Interfaces"][0]["IPAddress"] == server["Interfaces"][0]["IPAddress"]
    assert api.refused("GET", f"server/{server['ID']}") == (404, "not_found")
    assert ("remove_machine", server["ID"]) in api.machines.calls


def test_a_forced_stop_does_not_make_the_next_one_hard(api):
    server = api.make_server("shared")
    api.make_disk(server["ID"])
    api.wait_until_idle()
    power = f"server/{server['ID']}/power"
    api.machines.gate.clear()
    api.put(power)
    api.delete(power, {"Force": True})
    api.machines.gate.set()
    api.wait_until_idle()
    api.put(power)
    api.wait_until_idle()
    api.machines.calls.clear()

    api.delete(power)
    api.wait_until_idle()

    assert api.machines.calls == [("power_off", server["ID"], False)]


@pytest.mark.parametrize(
    "problem", [KokunaiError(ja="起動できません", en="cannot boot"), OSError("cannot boot")]
)
def test_a_host_that_cannot_boot_leaves_the_server_down_and_says_why(open_api, problem):
    class Broken(Recorder):
        def boot(self, machine):
            raise problem

    api = open_api(machines=Broken())

    server = api.make_running()

    assert server["Instance"]["Status"] == "down"
    assert "cannot boot" in server["Instance"]["Warnings"]
    assert "cannot boot" in api.state()["servers"][0]["problem"]
    api.put(f"server/{server['ID']}/power")


def test_a_host_that_went_off_by_itself_is_seen_as_down(api):
    server = api.make_running()

    api.machines.power_off(server["ID"], force=False)
    api.services.look()
    api.wait_until_idle()

    assert api.status_of(server["ID"]) == "down"


def test_a_boot_that_the_store_cut_off_is_asked_for_again(open_api):
    class Cut(Recorder):
        def boot(self, machine):
            if not self.boots_asked:
                self.boots_asked.append(machine.server_id)
                raise sqlite3.OperationalError("disk I/O error")
            super().boot(machine)

        boots_asked: ClassVar[list[str]] = []

    api = open_api(machines=Cut())
    server = api.make_running()

    api.services.look()
    api.wait_until_idle()

    assert api.status_of(server["ID"]) == "up"


def test_a_server_without_a_disk_goes_on_and_off(api):
    server = api.make_server("shared")

    api.put(f"server/{server['ID']}/power")
    api.wait_until_idle()
    api.services.look()
    api.wait_until_idle()

    assert api.status_of(server["ID"]) == "up"
    api.delete(f"server/{server['ID']}/power")
