"""A light host keeps the same promises, but for systemd."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from kokunai.lab.machines import FilterRule, NfsAppliance

pytestmark = pytest.mark.hosts


@pytest.fixture
def lab(light_lab):
    return light_lab


def test_a_light_host_has_its_name_address_key_and_gpus(lab, gpu):
    machine = lab.machine(gpu=gpu)

    lab.machines.boot(machine)

    assert lab.on(machine, "hostname") == "node-1"
    assert machine.nics[0].address in lab.on(machine, "ip -brief address show eth0")
    assert lab.on(machine, "lspci -n").count("10de:2330") == 2
    assert lab.on(machine, "ls /sys/class/net").split() == ["eth0", "lo"]


def test_a_mode_changed_on_a_host_is_not_changed_on_the_machine(lab):
    machine, before = lab.machine(), Path("/dev/full").stat().st_mode
    lab.machines.boot(machine)

    lab.on(machine, "chmod 640 /dev/full")
    after = Path("/dev/full").stat().st_mode
    Path("/dev/full").chmod(before & 0o777)

    assert after == before


def test_a_light_disk_survives_a_power_cycle_and_its_scripts_run_once(lab):
    machine = lab.machine(startup_scripts=("#!/bin/sh\necho ran >> /root/ran\n",))
    lab.machines.boot(machine)
    key = lab.on(machine, "while [ ! -s /root/ran ]; do sleep 0.1; done; cat /etc/ssh/*.pub")

    begun = time.monotonic()
    lab.machines.power_off(machine.server_id, force=False)
    took = time.monotonic() - begun
    lab.machines.boot(machine)

    assert took < 5
    assert lab.on(machine, "cat /root/ran") == "ran"
    assert lab.on(machine, "cat /etc/ssh/*.pub") == key


def test_a_light_host_cannot_change_the_machine(lab):
    machine = lab.machine()
    lab.machines.boot(machine)

    swappiness = lab.ssh(
        machine, "cp /proc/sys/vm/swappiness /tmp; cat /tmp/swappiness > /proc/sys/vm/swappiness"
    )
    forwarding = lab.ssh(machine, "echo 1 > /proc/sys/net/ipv4/ip_forward")
    clock = lab.ssh(machine, "date -s @$(date +%s)")

    assert (swappiness.returncode != 0, forwarding.returncode, clock.returncode != 0) == (
        True,
        0,
        True,
    )


def test_a_light_host_is_filtered_and_mounts_its_file_server(lab):
    server = NfsAppliance("600000000001", "500000000001", "192.168.10.9", 24, 100)
    machine = lab.with_private_nic(lab.machine(), "192.168.10.1")
    lab.machines.boot(machine)
    lab.machines.ensure_nfs(server)

    mounted = lab.on(
        machine, "mount -t nfs 192.168.10.9:/export /mnt && echo x > /mnt/y && cat /mnt/y"
    )
    deny = (FilterRule("tcp", "deny"),)
    lab.machines.set_filter(machine.server_id, machine.nics[0].interface_id, deny)

    assert mounted == "x"
    assert "timed out" in lab.ssh(machine, "true").stderr


def test_nothing_is_left_of_light_hosts_after_their_supervisors_were_killed(lab, traces):
    machines = [lab.machine(number) for number in (1, 2)]
    for machine in machines:
        lab.machines.boot(machine)
    for one in lab.machines._processes(machines[0].server_id):
        if not one.is_init():
            os.kill(one.pid, signal.SIGKILL)

    lab.machines.tear_down()

    assert traces(lab) == []
