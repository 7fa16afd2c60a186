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


def _playbooks(folder: Path) -> Path:
    (folder / "roles").mkdir(parents=True)
    (folder / "site.yml").write_text("- hosts: all\n")
    (folder / "roles" / "one.yml").write_text("[]\n")
    return folder


def test_the_role_digest_is_the_same_in_every_checkout(tmp_path: Path):
    here, there = _playbooks(tmp_path / "a"), _playbooks(tmp_path / "b")

    assert inventory.role_digest(here) == inventory.role_digest(there)


def test_caches_do_not_change_the_role_digest(tmp_path: Path):
    folder = _playbooks(tmp_path)
    before = inventory.role_digest(folder)
    (folder / "library" / "__pycache__").mkdir(parents=True)
    (folder / "library" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"1")

    assert inventory.role_digest(folder) == before


def test_a_changed_or_renamed_file_changes_the_role_digest(tmp_path: Path):
    folder = _playbooks(tmp_path)
    before = inventory.role_digest(folder)

    (folder / "site.yml").write_text("- hosts: none\n")
    changed = inventory.role_digest(folder)
    (folder / "site.yml").rename(folder / "other.yml")
    renamed = inventory.role_digest(folder)

    assert len({before, changed, renamed}) == 3


def test_nothing_of_a_host_names_its_peers():
    address = {"interface": "eth1", "address": "192.168.10.11/24"}

    made = inventory.node_variables(host_name="node-1", addresses=[address])

    assert made == {"node_name": "node-1", "node_addresses": [address]}
