"""Variables and digests: what the roles declare, and what must not change with a peer."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from kokunai import inventory

PLAYBOOKS = Path(__file__).parents[1] / "playbooks"
SECRET_VARIABLES = {"package_source_credentials"}


def _pool(**changes):
    given = {
        "ntp_servers": ["ntp.nict.jp"],
        "expected_gpu_count": 8,
        "expected_gpu_vendor_id": "10de",
        "collective_environment": {"NCCL_SOCKET_IFNAME": "=eth1"},
    }
    return inventory.pool_variables(**{**given, **changes})


def _declared() -> set[str]:
    specs = [
        yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
        for path in PLAYBOOKS.glob("roles/*/meta/argument_specs.yml")
    ]
    return {name for options in specs for name in options}


def test_the_inventory_makes_exactly_the_variables_the_roles_declare():
    made = {*_pool(), *inventory.node_variables(host_name="node-1")}

    assert made | SECRET_VARIABLES == _declared()


def test_a_mount_gets_the_unit_name_of_its_path():
    mount = {"server": "192.168.10.9", "export": "/export", "path": "/mnt/share"}

    made = _pool(nfs_mounts=[mount])["nfs_mounts"]

    assert made == [{**mount, "options": "", "unit": "mnt-share.mount"}]


@pytest.mark.parametrize(
    "path", ["/mnt/share", "/mnt/a-b", "/data.d/x_y", "/.hidden/共有", "//srv///nfs/", "/"]
)
@pytest.mark.skipif(not shutil.which("systemd-escape"), reason="systemd-escape is not here")
def test_unit_names_are_those_of_systemd(path: str):
    command = ["systemd-escape", "--path", "--suffix=mount", path]
    expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert inventory.mount_unit(path) == expected


def test_nothing_of_a_host_names_its_peers():
    address = {"interface": "eth1", "address": "192.168.10.11/24"}

    made = inventory.node_variables(host_name="node-1", addresses=[address])

    assert made == {"node_name": "node-1", "node_addresses": [address]}
