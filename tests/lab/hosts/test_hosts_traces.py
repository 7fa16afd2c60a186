"""A lab leaves nothing on the machine, whatever was killed, and never touches another lab."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from kokunai.errors import KokunaiError
from kokunai.lab import hosts
from kokunai.lab.machines import NfsAppliance
from kokunai.lab.places import Places

pytestmark = pytest.mark.hosts

SERVER = NfsAppliance("600000000001", "500000000001", "192.168.10.9", 24, 100)


def fill(lab, count=2):
    """Switches, hosts and a file server."""
    machines = [
        lab.with_private_nic(lab.machine(number), f"192.168.10.{number}")
        for number in range(1, count + 1)
    ]
    for machine in machines:
        lab.machines.boot(machine)
    lab.machines.ensure_nfs(SERVER)
    return machines


def test_nothing_is_left_after_tear_down(lab, traces):
    before = traces(lab)
    fill(lab)
    during = traces(lab)

    lab.machines.tear_down()

    assert before == []
    assert {line.split()[0] for line in during} >= {"namespace", "interface", "group", "process"}
    assert traces(lab) == []


def test_nothing_is_left_when_the_last_thing_goes_and_all_can_come_again(lab, traces):
    for _ in range(2):
        for machine in fill(lab):
            lab.machines.remove_machine(machine.server_id)
            lab.machines.remove_disk(machine.disk_id)
        lab.machines.remove_nfs(SERVER.appliance_id)
        assert traces(lab) != []

        lab.machines.remove_switch(SERVER.switch_id)

        assert traces(lab) == []


def test_a_tear_down_may_be_repeated_and_the_lab_filled_again(lab):
    lab.machines.tear_down()
    fill(lab)
    lab.machines.tear_down()
    lab.machines.tear_down()

    machine, *_ = fill(lab)

    assert lab.on(machine, "hostname") == "node-1"


def test_a_lab_is_torn_down_after_its_directory_and_the_shared_root_are_gone(
    lab, traces, monkeypatch
):
    fill(lab)
    shutil.rmtree(lab.places.directory, ignore_errors=True)
    monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    hosts.tear_down(lab.places)

    assert traces(lab) == []


def test_a_killed_supervisor_leaves_a_host_that_is_still_ours(lab):
    machine, other = fill(lab)
    kill_supervisors(lab, machine)

    still = lab.machines.running()
    lab.machines.power_off(machine.server_id, force=False)

    assert still == {machine.server_id, other.server_id}
    assert lab.machines.running() == {other.server_id}


def test_nothing_is_left_after_the_supervisors_were_killed(lab, traces):
    for machine in fill(lab):
        kill_supervisors(lab, machine)

    lab.machines.tear_down()

    assert traces(lab) == []


def test_a_host_boots_again_after_its_supervisor_was_killed(lab):
    machine, *_ = fill(lab)
    kill_supervisors(lab, machine)
    lab.machines.power_off(machine.server_id, force=True)

    lab.machines.boot(machine)

    assert lab.on(machine, "hostname") == "node-1"


def test_nothing_is_left_when_the_namespaces_lost_their_names(lab, traces):
    machine, *_ = fill(lab)
    subprocess.run(["ip", "netns", "delete", lab.names.server(machine.server_id)], check=True)

    lab.machines.tear_down()

    assert traces(lab) == []


def test_a_boot_cut_off_half_way_is_taken_up_again(lab):
    machine = lab.machine()
    namespace = lab.names.server(machine.server_id)
    lab.machines.ensure_switch("shared")
    Path("/run/netns", namespace).touch()
    wire = f"link add p{machine.nics[0].interface_id} type veth peer name left"
    subprocess.run(["ip", "-n", lab.names.lab, *wire.split()], check=True)
    lab.names.disk_directory(machine.disk_id).joinpath("upper/etc").mkdir(parents=True)

    lab.machines.boot(machine)

    assert lab.on(machine, "hostname") == "node-1"


def test_hosts_outlive_the_process_that_booted_them(lab):
    machine = lab.machine()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        lab.machines.boot(machine)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)

    assert lab.machines.running() == {machine.server_id}
    assert lab.on(machine, "hostname") == "node-1"


def test_a_removed_machine_leaves_its_disk_and_a_removed_disk_nothing(lab, traces):
    machine = lab.machine()
    lab.machines.boot(machine)

    lab.machines.remove_machine(machine.server_id)
    lab.machines.remove_machine(machine.server_id)
    disk = lab.names.disk_directory(machine.disk_id)
    kept = disk.is_dir()
    lab.machines.remove_disk(machine.disk_id)
    lab.machines.remove_disk(machine.disk_id)

    assert kept
    assert not disk.exists()
    assert not lab.names.machine_directory(machine.server_id).exists()
    assert not [line for line in traces(lab) if machine.server_id in line]


def test_a_removed_switch_is_gone_and_absent_ones_are_no_error(lab):
    lab.machines.ensure_switch("500000000001")
    lab.machines.ensure_switch("500000000001")
    lab.machines.ensure_switch("500000000002")

    lab.machines.remove_switch("500000000001")
    lab.machines.remove_switch("500000000001")

    links = subprocess.run(
        ["ip", "-n", lab.names.lab, "link"], capture_output=True, text=True, check=True
    )
    assert "br500000000001" not in links.stdout
    assert "br500000000002" in links.stdout


def test_two_labs_with_the_same_ids_live_side_by_side(lab, other_lab, traces):
    first, *_ = fill(lab, 1)
    second, *_ = fill(other_lab, 1)
    lab.on(first, "touch /root/first")

    seen = other_lab.ssh(second, "test -e /root/first").returncode
    other_lab.machines.tear_down()

    assert seen == 1
    assert traces(other_lab) == []
    assert lab.machines.running() == {first.server_id}
    assert lab.on(first, "hostname") == "node-1"


def test_a_shared_network_that_is_taken_is_refused_with_the_way_out(lab, tmp_path):
    lab.machines.ensure_switch("shared")
    other = next(
        Places(tmp_path / "other", slot)
        for slot in range(5000)
        if Places(tmp_path / "other", slot).shared_network == lab.places.shared_network
    )
    machines = hosts.choose(other, "full")

    with pytest.raises(KokunaiError) as refusal:
        machines.ensure_switch("shared")

    machines.tear_down()
    assert "slot" in str(refusal.value)


def kill_supervisors(lab, machine):
    """What `kill -9` of everything but the guest's own processes leaves."""
    for one in lab.machines._processes(machine.server_id):
        if not one.is_init() and not inside(one.pid):
            os.kill(one.pid, signal.SIGKILL)


def inside(pid):
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    return len(status.split("NSpid:")[1].splitlines()[0].split()) > 1
