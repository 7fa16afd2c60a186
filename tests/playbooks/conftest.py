"""Inputs of a configuration, and real hosts to configure."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from kokunai import playbooks, role_variables
from kokunai.catalog import platforms
from kokunai.lab import hosts, port_slots
from kokunai.lab.machines import Gpu, Machine, Machines, NfsAppliance, Nic
from kokunai.lab.places import Places
from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.kind import InitFailed, Transition
from support import ssh
from support.operation import Operation

ROOT = Path(__file__).parents[2]
SWITCH = "500000000001"
SHARE = NfsAppliance("600000000001", SWITCH, "192.168.10.9", 24, 100)
GPU = Gpu("nvidia_h100_80gbvram", "NVIDIA H100 80GB HBM3", "10de", "2330", "0302", 2)
SECRET = "correct-horse-battery"


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("hosts"):
                item.add_marker(pytest.mark.skip(reason="hosts need root"))


@pytest.fixture
def operation() -> Operation:
    return Operation()


FACTS = role_variables.PoolFacts(
    platform=platforms.platform("nvidia-vrt"),
    ntp_servers=("192.0.2.1",),
    gpu_count=GPU.count,
    gpu_vendor_id=GPU.vendor_id,
    collective_interface="eth1",
)


def configuration_inputs(addresses: dict[str, str], key: Path, **facts):
    """Inputs for hosts by name; the last number of an address is the host's number everywhere."""
    return {
        "site": "sakura-ishikari",
        "labels": {"data-class": "domestic"},
        "pool": "train",
        "hosts": [_host(name, address) for name, address in addresses.items()],
        "roleDigest": playbooks.digest(ROOT),
        "variables": role_variables.pool_variables(replace(FACTS, **facts)),
        "secretVariables": {
            "base_package_source_credentials": f"machine mirror.test login me password {SECRET}"
        },
        "privateKeyFile": str(key),
        "keyId": "0123456789ab",
    }


def _host(name: str, address: str):
    number = address.rpartition(".")[2]
    private = {"interface": "eth1", "address": f"192.168.10.{number}/24"}
    return {
        "name": name,
        "address": address,
        "serverId": f"1{int(number):011d}",
        "user": "root",
        "port": 22,
        "variables": role_variables.node_variables(host_name=f"lab-{name}", addresses=[private]),
    }


@pytest.fixture
def facts() -> role_variables.PoolFacts:
    return FACTS


@pytest.fixture
def inputs_of():
    return configuration_inputs


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return _new_key(tmp_path)


def _new_key(folder: Path) -> Path:
    path = folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@dataclass
class LabHosts:
    """Three hosts with two GPUs and two interfaces, and a file server on their switch."""

    machines: Machines
    places: Places
    key: Path

    def address(self, number: int) -> str:
        return str(self.places.shared_network[10 + number])

    def machine(self, number: int) -> Machine:
        gateway, address = self.places.gateway, self.address(number)
        mac_address = f"02:00:00:00:00:{number:02x}"
        return Machine(
            server_id=f"1{number:011d}",
            disk_id=f"2{number:011d}",
            host_name=f"node-{number}",
            nics=(
                Nic(f"3{number:011d}", mac_address, "shared", address, 24, gateway),
                Nic(f"4{number:011d}", "", SWITCH),
            ),
            ssh_public_keys=(self.key.with_suffix(".pub").read_text(),),
            gpu=GPU,
        )

    def boot(self, *numbers: int) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda number: self.machines.boot(self.machine(number)), numbers))

    def addresses(self, *numbers: int) -> dict[str, str]:
        return {f"node-{number}": self.address(number) for number in numbers}

    def ssh(self, number: int, command: str) -> str:
        return ssh.output(self.key, self.address(number), command)


@pytest.fixture
def lab(tmp_path: Path):
    (tmp_path / "lab").mkdir()
    # Held until the lab is torn down: tests beside this one must not take the same network.
    slot = port_slots.claim(tmp_path / "lab", None)
    hosts.prepare(lambda _line: None)
    machines = hosts.choose(slot.places)
    made = LabHosts(machines, slot.places, _new_key(tmp_path))
    machines.ensure_switch(SWITCH)
    machines.ensure_nfs(SHARE)
    yield made
    machines.tear_down()
    slot.server.close()
    slot.network_lock.close()


@pytest.fixture
def configure(operation: Operation):
    """Create or update, and the outputs also of a run that did not finish."""

    async def run(inputs, state=None, old_inputs=None):
        kind = Configuration()
        kind.patience_seconds = 3
        try:
            if state is None:
                return (await kind.create(operation, Transition(new=inputs))).outputs, []
            change = Transition("x", state, old_inputs or inputs, inputs)
            return await kind.update(operation, change), []
        except InitFailed as failed:
            return failed.outputs, failed.reasons

    return run
