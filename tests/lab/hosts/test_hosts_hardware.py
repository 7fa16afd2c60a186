"""Unmodified tools see the simulated GPUs, and nothing of the machine's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kokunai.lab.hosts import hardware


def test_eight_and_sixteen_gpus_get_addresses_of_their_own(gpu):
    for count in (1, 8, 16):
        addresses = hardware.addresses(replace(gpu, count=count))

        assert len(set(addresses)) == count
        assert addresses[0] == "0000:17:00.0"


@pytest.mark.parametrize("pci_class", ["0302", "0x030200", "030200"])
def test_a_class_is_read_in_its_short_and_long_form(gpu, tmp_path, pci_class):
    hardware.write_bus(tmp_path / "pci", replace(gpu, pci_class=pci_class))

    device = tmp_path / "pci/devices/0000:17:00.0"
    assert (device / "class").read_text() == "0x030200\n"
    assert (device / "config").read_bytes()[9:12] == bytes([0x00, 0x02, 0x03])


def test_a_bus_without_gpus_is_empty(gpu, tmp_path):
    hardware.write_bus(tmp_path / "pci", gpu)

    hardware.write_bus(tmp_path / "pci", None)

    assert list((tmp_path / "pci/devices").iterdir()) == []


@pytest.mark.hosts
def test_lspci_and_sysfs_show_the_gpus(lab, gpu):
    machine = lab.machine(gpu=gpu)

    lab.machines.boot(machine)

    shown = lab.on(machine, "lspci -Dn")
    assert shown.splitlines() == [
        "0000:17:00.0 0302: 10de:2330 (rev a1)",
        "0000:29:00.0 0302: 10de:2330 (rev a1)",
    ]
    assert lab.on(machine, "cat /sys/bus/pci/devices/*/class").split() == ["0x030200"] * 2


@pytest.mark.hosts
def test_nvidia_smi_answers_and_says_that_it_is_a_simulation(lab, gpu):
    machine = lab.machine(gpu=gpu)
    lab.machines.boot(machine)

    listed = lab.ssh(machine, "nvidia-smi -L")
    asked = "nvidia-smi --query-gpu=index,name,uuid --format=csv,noheader"
    queried = lab.on(machine, asked).splitlines()

    assert "SIMULATION" in listed.stderr
    assert listed.stdout.count("UUID: GPU-51500000-") == 2
    assert queried[1].startswith("1, NVIDIA H100 80GB HBM3, GPU-51500000-")


@pytest.mark.hosts
def test_a_host_that_loses_its_gpus_loses_their_tools(lab, gpu):
    machine = lab.machine(gpu=gpu)
    lab.machines.boot(machine)
    lab.machines.power_off(machine.server_id, force=True)

    lab.machines.boot(replace(machine, gpu=None))

    assert lab.on(machine, "lspci") == ""
    assert lab.ssh(machine, "command -v nvidia-smi").returncode != 0
    assert "gpu" not in lab.on(machine, "cat /etc/kokunai-simulation")


@pytest.mark.hosts
def test_two_hosts_have_different_gpu_uuids(lab, gpu):
    machines = [lab.machine(number, gpu=gpu) for number in (1, 2)]
    for machine in machines:
        lab.machines.boot(machine)

    first, second = (set(lab.on(one, "nvidia-smi -L").splitlines()) for one in machines)

    assert not first & second
