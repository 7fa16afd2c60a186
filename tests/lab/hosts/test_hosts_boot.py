"""A booted host is the machine the API described, and stays itself over power cycles."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from lab_process import wait_until

from kokunai.errors import KokunaiError
from kokunai.lab.hosts import choosing

pytestmark = pytest.mark.hosts


def test_a_host_answers_to_its_key_with_its_name_and_address(lab):
    machine = lab.machine()

    lab.machines.boot(machine)

    assert lab.on(machine, "hostname") == "node-1"
    assert machine.nics[0].address in lab.on(machine, "ip -brief address show eth0")
    assert lab.places.gateway in lab.on(machine, "ip route show default")
    assert lab.on(machine, "cat /sys/class/net/eth0/address") == machine.nics[0].mac_address
    assert lab.on(machine, "ls /sys/class/net").split() == ["eth0", "lo"]


def test_services_run_under_systemd(lab):
    machine = lab.machine()
    lab.machines.boot(machine)

    state = lab.on(machine, "systemctl is-system-running --wait")
    services = lab.on(machine, "systemctl is-active ssh chrony systemd-networkd")

    assert state == "running"
    assert services.split() == ["active"] * 3


def test_a_host_says_that_it_is_simulated(lab):
    machine = lab.machine()

    lab.machines.boot(machine)

    assert "SIMULATION" in lab.on(machine, "cat /etc/kokunai-simulation")
    assert "SIMULATION" in lab.on(machine, "cat /etc/motd")


def test_another_key_is_refused_and_so_is_a_password(lab, other_lab):
    machine = lab.machine()
    lab.machines.boot(machine)

    refused = replace(lab, key=other_lab.key).ssh(machine, "true")
    settings = lab.on(machine, "sshd -T | grep -i ^passwordauthentication")

    assert "Permission denied" in refused.stderr
    assert settings == "passwordauthentication no"


def test_a_password_works_only_when_it_was_asked_for(lab):
    machine = lab.machine(password_hash="$6$salt$hash", password_login=True)
    lab.machines.boot(machine)

    settings = lab.on(machine, "sshd -T | grep -i ^passwordauthentication")
    shadow = lab.on(machine, "grep ^root: /etc/shadow")

    assert settings == "passwordauthentication yes"
    assert shadow.startswith("root:$6$salt$hash:")


def test_a_disk_keeps_its_contents_and_host_key_over_a_power_cycle(lab):
    machine = lab.machine()
    lab.machines.boot(machine)
    before = lab.on(machine, "echo kept > /root/file; cat /etc/ssh/*.pub /etc/machine-id")

    lab.machines.power_off(machine.server_id, force=False)
    lab.machines.boot(machine)

    assert lab.on(machine, "cat /root/file") == "kept"
    assert lab.on(machine, "cat /etc/ssh/*.pub /etc/machine-id") == before


def test_a_new_disk_is_a_new_file_system(lab):
    machine = lab.machine()
    lab.machines.boot(machine)
    key = lab.on(machine, "touch /root/file; cat /etc/ssh/*.pub")
    lab.machines.power_off(machine.server_id, force=True)
    lab.machines.remove_disk(machine.disk_id)

    lab.machines.boot(machine)

    assert lab.ssh(machine, "test -e /root/file").returncode == 1
    assert lab.on(machine, "cat /etc/ssh/*.pub") != key


def test_keys_added_on_the_host_stay_until_the_api_configures_the_disk_again(lab):
    machine = lab.machine()
    lab.machines.boot(machine)
    lab.on(machine, "echo '# mine' >> /root/.ssh/authorized_keys")

    lab.machines.power_off(machine.server_id, force=True)
    lab.machines.boot(machine)
    kept = lab.on(machine, "cat /root/.ssh/authorized_keys")
    lab.machines.power_off(machine.server_id, force=True)
    lab.machines.boot(replace(machine, host_name="renamed"))
    configured = lab.on(machine, "cat /root/.ssh/authorized_keys")

    assert "# mine" in kept
    assert "# mine" not in configured
    assert lab.on(machine, "hostname") == "renamed"


def test_startup_scripts_run_once_and_in_order(lab):
    scripts = ("#!/bin/sh\necho one >> /root/ran\n", "#!/bin/sh\necho two >> /root/ran\n")
    machine = lab.machine(startup_scripts=scripts)
    lab.machines.boot(machine)
    lab.on(machine, "systemctl is-system-running --wait")

    lab.machines.power_off(machine.server_id, force=False)
    lab.machines.boot(machine)
    lab.on(machine, "systemctl is-system-running --wait")

    assert lab.on(machine, "cat /root/ran").split() == ["one", "two"]


def test_a_second_interface_is_bare_unless_it_has_an_address(lab):
    bare = lab.with_private_nic(lab.machine(1), "")
    addressed = lab.with_private_nic(lab.machine(2), "192.168.10.2")

    lab.machines.boot(bare)
    lab.machines.boot(addressed)

    assert "DOWN" in lab.on(bare, "ip -brief address show eth1")
    assert "192.168.10.2/24" in lab.on(addressed, "ip -brief address show eth1")


def test_hosts_on_a_private_switch_reach_each_other(lab):
    first = lab.with_private_nic(lab.machine(1), "192.168.10.1")
    second = lab.with_private_nic(lab.machine(2), "192.168.10.2")
    lab.machines.boot(first)
    lab.machines.boot(second)

    answer = lab.on(first, "ping -c 1 -W 5 192.168.10.2")

    assert "1 received" in answer


def test_a_host_that_is_on_stays_as_it_is_when_booted_again(lab):
    machine = lab.machine()
    lab.machines.boot(machine)
    before = lab.on(machine, "cat /proc/sys/kernel/random/boot_id")

    lab.machines.boot(machine)

    assert lab.on(machine, "cat /proc/sys/kernel/random/boot_id") == before


def test_a_reboot_from_inside_comes_back(lab):
    machine = lab.machine()
    lab.machines.boot(machine)
    before = lab.on(machine, "cat /proc/sys/kernel/random/boot_id")

    lab.ssh(machine, "systemctl reboot")

    wait_until(lambda: lab.ssh(machine, "true").returncode == 0 and boot_id(lab, machine) != before)
    assert lab.machines.running() == {machine.server_id}


def test_a_power_off_from_inside_shows_and_the_host_boots_again(lab):
    machine = lab.machine()
    lab.machines.boot(machine)

    lab.ssh(machine, "systemctl poweroff")
    wait_until(lambda: lab.machines.running() == set())
    lab.machines.boot(machine)

    assert lab.on(machine, "hostname") == "node-1"


def test_a_clean_power_off_lets_services_finish(lab):
    machine = lab.machine()
    lab.machines.boot(machine)
    lab.on(machine, "systemd-run --unit=last -p ExecStop='touch /root/stopped' sleep 1000")

    lab.machines.power_off(machine.server_id, force=False)
    lab.machines.boot(machine)

    assert lab.ssh(machine, "test -e /root/stopped").returncode == 0


def test_three_hosts_boot_together(lab):
    machines = [lab.machine(number) for number in (1, 2, 3)]

    threads = [threading.Thread(target=lab.machines.boot, args=(one,)) for one in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lab.machines.running() == {one.server_id for one in machines}
    assert [lab.on(one, "hostname") for one in machines] == ["node-1", "node-2", "node-3"]


def test_a_host_without_an_init_is_refused_with_its_console(lab):
    machine = lab.machine()
    lab.machines.boot(machine)
    lab.machines.power_off(machine.server_id, force=True)
    upper = lab.names.disk_directory(machine.disk_id) / "upper"
    for name in ("usr/sbin", "usr/lib/systemd"):
        (upper / name).mkdir(parents=True, exist_ok=True)
    for name in ("usr/sbin/init", "usr/lib/systemd/systemd"):
        (upper / name).unlink(missing_ok=True)
        (upper / name).write_text("not a program")

    with pytest.raises(KokunaiError) as refusal:
        lab.machines.boot(machine)

    assert "起動しませんでした" in str(refusal.value)
    assert lab.machines.running() == set()


def test_a_kind_that_is_not_possible_is_refused_with_the_reason(lab, monkeypatch):
    monkeypatch.setattr(choosing.os, "geteuid", lambda: 1000)

    with pytest.raises(KokunaiError) as refusal:
        choosing.choose(lab.places, "full")

    assert "not root" in str(refusal.value)


def test_running_hosts_are_found_by_another_process(lab):
    machine = lab.machine()
    lab.machines.boot(machine)

    code = (
        "import sys, pathlib\n"
        "from kokunai.lab import hosts\n"
        "from kokunai.lab.places import Places\n"
        "places = Places(pathlib.Path(sys.argv[1]), int(sys.argv[2]))\n"
        "print(*hosts.choose(places, 'full').running())\n"
    )
    arguments = [str(lab.places.directory), str(lab.places.slot)]
    shown = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stdout.split() == [machine.server_id]


def boot_id(lab, machine):
    return lab.ssh(machine, "cat /proc/sys/kernel/random/boot_id").stdout.strip()
