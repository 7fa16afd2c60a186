"""A dedicated server of the lab is a host on its bond, to log in to after an installation."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from lab_process import LabProcess, wait_until

from kokunai.lab import hosts
from support import ssh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.hosts,
    pytest.mark.skipif(os.geteuid() != 0, reason="hosts need root"),
]
SERVER = "servers/100000000201"


@pytest.fixture
def phy(tmp_path: Path) -> Iterator[httpx.Client]:
    hosts.prepare(lambda _: None)
    lab = LabProcess(tmp_path / "lab", hosts="full")
    lab.up("--copy-seconds", "0.1")
    variables = lab.variables()
    auth = (variables["SAKURA_ACCESS_TOKEN"], variables["SAKURA_ACCESS_TOKEN_SECRET"])
    with httpx.Client(
        base_url=f"{variables['SAKURA_ENDPOINTS_PHY']}/",
        auth=auth,
        headers={"X-Requested-With": "XMLHttpRequest"},
        trust_env=False,
        timeout=60,
    ) as client:
        yield client
    lab.run("down", "--purge")


def test_the_installation_puts_the_keys_into_a_host_on_its_bond(
    phy: httpx.Client, tmp_path: Path
) -> None:
    key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    def server() -> Any:
        return phy.get(f"{SERVER}/").json()["server"]

    [channel] = server()["port_channels"]
    path = f"{SERVER}/port_channels/{channel['port_channel_id']}/configure_bonding/"
    phy.post(path, json={"bonding_type": "lacp"}).raise_for_status()
    networks = {
        "mode": "trunk",
        "internet_type": "common_subnet",
        "dedicated_subnet_id": None,
        "private_network_ids": ["300000000001"],
    }
    port = server()["ports"][0]["port_id"]
    phy.post(f"{SERVER}/ports/{port}/assign_network/", json=networks).raise_for_status()
    installation = {
        "os_image_id": "ubuntu2204-x86_64",
        "password": "passw0rd",
        "manual_partition": False,
        "ssh_public_keys": [key.with_suffix(".pub").read_text().strip()],
        "allow_password_login": False,
    }
    phy.post(f"{SERVER}/os_install/", json=installation).raise_for_status()
    wait_until(lambda: server()["lock_status"] is None)

    address = server()["ipv4"]["ip_address"]
    shown = ssh.output(key, address, "ls /sys/class/net; ls /sys/bus/pci/devices | wc -l")
    assert {"bond0", "bond0.3001"} <= set(shown.split())
    assert shown.split()[-1] == "8"
    phy.post(f"{SERVER}/power_control/", json={"operation": "soft"}).raise_for_status()
    wait_until(lambda: server()["cached_power_status"]["status"] == "off")
    assert ssh.run(key, address, "true").returncode != 0
