"""A lab of its own for each test, with a key, and nothing left of it afterwards."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kokunai.lab import hosts, port_slots
from kokunai.lab.hosts import control_groups, processes
from kokunai.lab.hosts.names import Names
from kokunai.lab.machines import Gpu, Machine, Machines, Nic
from kokunai.lab.places import Places
from support import ssh

PRIVATE_SWITCH = "500000000001"


def traces(lab) -> list[str]:
    """Everything on the machine that bears the lab's id, one line each."""
    lab_id, directory = lab.places.lab_id, str(lab.places.directory)
    found = [f"namespace {name}" for name in names("/run/netns") if lab_id in name]
    found += [f"interface {name}" for name in names("/sys/class/net") if lab_id in name]
    found += [f"mount {line}" for line in mounts() if lab_id in line or directory in line]
    for hierarchy in control_groups.hierarchies():
        found += [f"group {path}" for path in hierarchy.glob(f"*{lab_id}*")]
    found += [
        f"process {one.pid}" for one in processes.everything() if one.mark().startswith(lab_id)
    ]
    found += [f"command {line}" for line in commands() if lab_id in line or directory in line]
    if Path("/run/systemd/nspawn").is_dir():
        found += [f"nspawn {path}" for path in Path("/run/systemd/nspawn").rglob(f"*{lab_id}*")]
    return found


def names(directory):
    return [path.name for path in Path(directory).iterdir()]


def mounts():
    return Path("/proc/self/mountinfo").read_text().splitlines()


def commands():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def pytest_collection_modifyitems(items):
    why_not = "" if os.geteuid() == 0 else "hosts need root"
    for item in items:
        if why_not and item.get_closest_marker("hosts"):
            item.add_marker(pytest.mark.skip(reason=why_not))


@dataclass
class HostsOfLab:
    """The host side of a lab, without a daemon, and a key for its hosts."""

    places: Places
    machines: Machines
    key: Path

    @property
    def names(self) -> Names:
        return Names(self.places)

    def machine(self, number=1, **changes) -> Machine:
        shared = self.places.shared_network
        eth0 = Nic(
            interface_id=f"3{number:011d}",
            mac_address=f"02:00:00:00:00:{number:02x}",
            switch_id="shared",
            address=str(shared[10 + number]),
            prefix_length=24,
            gateway=self.places.gateway,
        )
        plain = Machine(
            server_id=f"1{number:011d}",
            disk_id=f"2{number:011d}",
            host_name=f"node-{number}",
            nics=(eth0,),
            ssh_public_keys=(self.key.with_suffix(".pub").read_text(),),
        )
        return replace(plain, **changes)

    def with_private_nic(self, machine: Machine, address: str) -> Machine:
        identifier = f"4{machine.server_id[1:]}"
        eth1 = Nic(
            interface_id=identifier, mac_address="", switch_id=PRIVATE_SWITCH, address=address
        )
        return replace(machine, nics=(*machine.nics, eth1))

    def ssh(self, machine: Machine, command: str) -> subprocess.CompletedProcess[str]:
        return ssh.run(self.key, machine.nics[0].address, command)

    def on(self, machine: Machine, command: str) -> str:
        """What a command prints on the host; it must succeed."""
        return ssh.output(self.key, machine.nics[0].address, command)


@contextmanager
def open_lab(directory: Path, kind: str = "full") -> Iterator[HostsOfLab]:
    directory.mkdir(exist_ok=True)
    # Held until the lab is torn down: tests beside this one must not take the same network.
    slot = port_slots.claim(directory, None)
    key = directory / "id_ed25519"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]
    subprocess.run(command, check=True)
    machines = hosts.choose(slot.places, kind)
    yield HostsOfLab(slot.places, machines, key)
    machines.tear_down()
    slot.server.close()
    slot.network_lock.close()


@pytest.fixture
def lab(tmp_path):
    with open_lab(tmp_path / "lab") as opened:
        yield opened


@pytest.fixture
def light_lab(tmp_path):
    with open_lab(tmp_path / "light", "light") as opened:
        yield opened


@pytest.fixture
def other_lab(tmp_path):
    with open_lab(tmp_path / "other") as opened:
        yield opened


@pytest.fixture(name="traces")
def give_traces():
    """The function, because tests are not a package that could be imported from."""
    return traces


@pytest.fixture
def gpu():
    return Gpu(
        model="nvidia_h100_80gbvram",
        product_name="NVIDIA H100 80GB HBM3",
        vendor_id="10de",
        device_id="2330",
        pci_class="0302",
        count=2,
    )
