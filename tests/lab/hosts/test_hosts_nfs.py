"""A file server is reached over its switch, and hosts share what they write."""

from __future__ import annotations

import pytest

from kokunai.lab.machines import NfsAppliance

pytestmark = pytest.mark.hosts

SERVER = NfsAppliance("600000000001", "500000000001", "192.168.10.9", 24, 100)
MOUNT = "mount -t nfs 192.168.10.9:/export /mnt"


@pytest.fixture
def machine(lab):
    machine = lab.with_private_nic(lab.machine(), "192.168.10.1")
    lab.machines.boot(machine)
    return machine


def test_two_hosts_share_a_file_system(lab, machine):
    lab.machines.ensure_nfs(SERVER)
    second = lab.with_private_nic(lab.machine(2), "192.168.10.2")
    lab.machines.boot(second)

    lab.on(machine, f"{MOUNT} && echo shared > /mnt/file")
    read = lab.on(second, f"{MOUNT} && cat /mnt/file && umount /mnt && ls /mnt")

    assert read == "shared"


def test_a_mount_from_fstab_works(lab, machine):
    lab.machines.ensure_nfs(SERVER)

    lab.on(machine, "echo '192.168.10.9:/export /srv nfs ro,_netdev 0 0' >> /etc/fstab")
    refused = lab.ssh(machine, "systemctl daemon-reload && mount /srv && touch /srv/file")

    assert "Read-only file system" in refused.stderr


def test_the_server_answers_ping_and_says_that_it_is_simulated(lab, machine):
    lab.machines.ensure_nfs(SERVER)

    ping = lab.on(machine, "ping -c 1 -W 5 192.168.10.9")
    said = lab.ssh(machine, f"nc -w 2 192.168.10.9 2049 </dev/null; {MOUNT}")

    assert "1 received" in ping
    assert "SIMULATION" in said.stdout
    assert "SIMULATION" in said.stderr


def test_what_does_not_answer_cannot_be_mounted(lab, machine):
    lab.machines.ensure_nfs(SERVER)
    lab.on(machine, "ip link set eth1 down")

    refused = lab.ssh(machine, MOUNT)

    assert refused.returncode == 32
    assert "no answer on TCP 2049" in refused.stderr


def test_an_export_that_is_not_there_cannot_be_mounted(lab, machine):
    lab.machines.ensure_nfs(SERVER)

    refused = lab.ssh(machine, "mount -t nfs 192.168.10.9:/other /mnt")

    assert "no such export" in refused.stderr


def test_a_host_that_is_not_on_the_switch_has_no_data_of_it(lab):
    machine = lab.machine()
    lab.machines.ensure_nfs(SERVER)

    lab.machines.boot(machine)

    assert lab.ssh(machine, "ls /run/kokunai-lab/nfs/*500000000001").returncode != 0


def test_data_survives_a_restart_of_the_lab_and_ends_with_the_server(lab, machine):
    lab.machines.ensure_nfs(SERVER)
    lab.on(machine, f"{MOUNT} && echo kept > /mnt/file")
    lab.machines.tear_down()

    lab.machines.ensure_nfs(SERVER)
    lab.machines.ensure_nfs(SERVER)
    lab.machines.boot(machine)
    kept = lab.on(machine, f"{MOUNT} && cat /mnt/file && umount /mnt")
    lab.machines.remove_nfs(SERVER.appliance_id)
    lab.machines.remove_nfs(SERVER.appliance_id)

    assert kept == "kept"
    assert lab.ssh(machine, MOUNT).returncode == 32
    assert not list(lab.names.hosts.glob("nfs/*/192.168.10.9"))
