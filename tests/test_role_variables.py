"""Variables by role: what the roles declare, and what must not change with a peer."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kokunai import catalog, role_variables
from kokunai.catalog import platforms
from kokunai.errors import KokunaiError

PLAYBOOKS = Path(__file__).parents[1] / "playbooks"
# Given by the play and by the stack's secrets, not by a role's function.
OTHER_VARIABLES = {"kokunai_host", "base_package_source_credentials"}
FACTS = role_variables.PoolFacts(
    platform=platforms.platform("nvidia-vrt"),
    ntp_servers=("ntp.nict.jp",),
    gpu_count=8,
    gpu_vendor_id="10de",
    collective_interface="eth1",
)
SHARE = role_variables.Share("files", "192.168.10.9", "/export", "/mnt/share")
SITE = yaml.safe_load((PLAYBOOKS / "site.yml").read_text(encoding="utf-8"))[0]


def _declared(role: str) -> set[str]:
    spec = PLAYBOOKS / "roles" / role / "meta/argument_specs.yml"
    options = yaml.safe_load(spec.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    return set(options) - OTHER_VARIABLES


@pytest.mark.parametrize("role", role_variables.ROLES)
def test_a_roles_function_makes_exactly_what_the_role_declares(role: str):
    of_nodes = role_variables.node_variables(host_name="node-1")
    of_this_role = {name for name in of_nodes if name.startswith(f"{role}_")}

    assert {*role_variables.ROLES[role](FACTS), *of_this_role} == _declared(role)


@pytest.mark.parametrize("role", role_variables.ROLES)
def test_a_roles_variables_begin_with_its_name(role: str):
    assert all(name.startswith(f"{role}_") for name in _declared(role))


def test_every_variable_of_a_node_belongs_to_a_role():
    made = role_variables.node_variables(host_name="node-1")

    assert all(name.startswith(("base_", "verify_")) for name in made)


@pytest.mark.parametrize("platform", platforms.platforms().values(), ids=lambda row: row.key)
def test_every_platform_names_roles_that_are_there_in_the_order_of_the_play(platform):
    order = [entry["role"] for entry in SITE["roles"]]

    assert [role for role in order if role in platform.roles] == list(platform.roles)
    assert set(platform.roles) <= set(role_variables.ROLES)
    assert platform.source
    assert platform.as_of


def test_a_role_runs_only_where_the_platform_names_it():
    assert all(row["when"] == f"'{row['role']}' in kokunai_roles" for row in SITE["roles"])


def test_a_pool_gets_the_variables_of_its_platforms_roles_and_no_others():
    platform = FACTS.platform.model_copy(update={"roles": ("nccl",)})

    made = role_variables.pool_variables(replace(FACTS, platform=platform))

    assert made == {
        "kokunai_roles": ["nccl"],
        "nccl_settings_file": "/etc/nccl.conf",
        "nccl_environment": {"NCCL_SOCKET_IFNAME": "=eth1"},
    }


def test_every_offer_has_a_platform():
    for offer in catalog.offers():
        assert platforms.platform(offer.platform).collective_settings_file


def test_an_unknown_platform_is_refused_with_the_known_ones():
    with pytest.raises(KokunaiError) as refusal:
        platforms.platform("nvidia-dgx")

    assert "nvidia-dgx は登録されていません。指定できるもの: nvidia-vrt" in refusal.value.ja
    assert "nvidia-dgx is not known; allowed: nvidia-vrt" in refusal.value.en


def test_settings_the_library_would_misread_are_refused_in_both_languages():
    with pytest.raises(KokunaiError) as refusal:
        role_variables.nccl(replace(FACTS, collective_interface="eth1 "))

    assert refusal.value.ja.startswith("NCCL_SOCKET_IFNAME: 空の値、前後の空白")
    assert refusal.value.en.startswith("NCCL_SOCKET_IFNAME: must not be empty")


def test_named_package_sources_are_the_only_ones():
    source = {"uri": "http://mirror.test", "suites": ["bookworm"]}

    with_source = role_variables.base(replace(FACTS, package_sources=(source,)))

    assert with_source["base_package_sources"] == [source]
    assert with_source["base_package_sources_exclusive"] is True
    assert role_variables.base(FACTS)["base_package_sources_exclusive"] is False


def test_a_share_is_mounted_by_the_unit_of_its_path_and_verified():
    facts = replace(FACTS, shares=(SHARE,))
    mount = {"server": "192.168.10.9", "export": "/export", "path": "/mnt/share"}

    made = role_variables.pool_variables(facts)

    assert made["storage_client_mounts"] == [{**mount, "options": "", "unit": "mnt-share.mount"}]
    assert made["verify_mounts"] == [mount]
    assert made["base_storage_servers"] == [{"name": "files", "address": "192.168.10.9"}]


@pytest.mark.parametrize(
    "path", ["/mnt/share", "/mnt/a-b", "/data.d/x_y", "/.hidden/共有", "//srv///nfs/", "/"]
)
@pytest.mark.skipif(not shutil.which("systemd-escape"), reason="systemd-escape is not here")
def test_unit_names_are_those_of_systemd(path: str):
    command = ["systemd-escape", "--path", "--suffix=mount", path]
    expected = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert role_variables.mount_unit(path) == expected


def test_nothing_of_a_host_names_its_peers():
    address = {"interface": "eth1", "address": "192.168.10.11/24"}

    made = role_variables.node_variables(host_name="node-1", addresses=[address])

    assert made == {
        "base_host_name": "node-1",
        "base_owner": "",
        "base_addresses": [address],
        "verify_host_name": "node-1",
        "verify_addresses": [address],
    }
