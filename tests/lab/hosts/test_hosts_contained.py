"""The root of a host is kept from the machine as far as the kernel allows; no more is said."""

from __future__ import annotations

import ipaddress
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kokunai.lab.hosts import private_users
from kokunai.lab.hosts.full import Full
from kokunai.lab.hosts.names import Names
from kokunai.lab.places import Places

CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")
TRY_TO_WRITE = (
    "mount -o remount,rw /proc/sys; mount -t proc proc /mnt;"
    "for at in /proc /mnt; do echo '|/tmp/evil' >$at/sys/kernel/core_pattern; done; true"
)
TRY_TO_READ_A_DISK = (
    "mknod /root/disk b $(cat /sys/class/block/*/dev | head -1 | tr : ' ') && head -c1 /root/disk"
)


def test_hosts_that_boot_at_once_get_the_same_answer():
    private_users._tried.cache_clear()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(lambda _: private_users.why_not(), range(4)))

    assert len(answers) == 1
    assert answers == {private_users.why_not()}


@pytest.fixture
def service():
    """A service of the machine that listens everywhere; it remembers who came."""
    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    came: list[str] = []

    def serve() -> None:
        while True:
            try:
                connection, peer = listener.accept()
            except OSError:
                return
            came.append(str(peer[0]))
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1], came
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def link_local(interface: str) -> str:
    rows = [line.split() for line in Path("/proc/net/if_inet6").read_text().splitlines()]
    found = next(row[0] for row in rows if row[5] == interface)
    return str(ipaddress.IPv6Address(int(found, 16)))


@pytest.mark.hosts
def test_the_root_of_a_host_does_not_reach_the_machine(lab, service):
    port, came = service
    machine = lab.machine()
    before = CORE_PATTERN.read_text()
    lab.machines.boot(machine)
    here = lab.places.machine_address

    lab.ssh(machine, TRY_TO_WRITE)
    device = lab.ssh(machine, TRY_TO_READ_A_DISK)
    called = lab.ssh(machine, f"nc -z -w 2 {here} {port}; ping -c1 -W1 {here}")
    lab.ssh(machine, f"nc -6 -z -w 2 {link_local(lab.names.uplink)}%eth0 {port}")
    routed = lab.ssh(machine, f"ip route replace default via {here}; ping -c1 -W1 192.0.2.1")

    assert CORE_PATTERN.read_text() == before
    assert device.returncode != 0
    assert (called.returncode, routed.returncode, came) == (1, 1, [])
    assert lab.on(machine, "hostname") == "node-1"  # the machine itself still comes in
    if not private_users.why_not():
        first = private_users.first_id(lab.names.server(machine.server_id))
        assert lab.on(machine, "cat /proc/1/uid_map").split() == ["0", str(first), "65536"]
        assert "unprivileged user of the machine" in lab.machines.limits


@pytest.mark.hosts
def test_without_ids_of_its_own_a_host_still_boots_and_makes_no_devices(lab, monkeypatch):
    monkeypatch.setattr(private_users, "why_not", lambda: "an old kernel")
    machine = lab.machine()
    lab.machines.boot(machine)

    device = lab.ssh(machine, TRY_TO_READ_A_DISK)

    assert device.returncode != 0
    assert lab.on(machine, "systemctl is-system-running --wait") == "running"
    assert "root of the machine and not contained" in lab.machines.limits


def test_the_limits_say_what_the_kernel_does_not_allow(tmp_path, monkeypatch):
    monkeypatch.setattr(private_users, "why_not", lambda: "mount_setattr: Invalid argument")

    limits = Full(Names(Places(tmp_path))).limits

    assert "mount_setattr: Invalid argument" in limits
    assert "ホストの root はマシンの root です" in limits
    assert "unprivileged" not in limits


def test_hosts_get_ids_that_nobody_else_has_and_keep_them():
    ids = {private_users.first_id(f"kk-{number}") for number in range(50)}

    assert len(ids) > 45
    assert all(0x1000_0000 <= one < 0x5000_0000 and one % 65_536 == 0 for one in ids)
    assert private_users.first_id("kk-1") == private_users.first_id("kk-1")
