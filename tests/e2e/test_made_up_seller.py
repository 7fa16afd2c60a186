"""A seller of one's own is its files and a registry line each: added to a copy, it sells."""

from __future__ import annotations

import filecmp
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.made_up_house import HOUSE, REGISTRY_LINES, ROOT, SELLER, STACK, House

pytestmark = pytest.mark.xdist_group("made-up-seller")

PROGRAM = """
import pulumi
import kokunai

SITE = "acme-nagano"
network = kokunai.ClusterNetwork("cluster", site=SITE, cidr="192.168.77.0/24")
direct = kokunai.GpuNodePool(
    "direct", site=SITE, gpu="x900", node_count=2, offer="acme-x900", network=network
)
resold = kokunai.GpuNodePool(
    "resold",
    site=SITE,
    gpu="x900",
    node_count=1,
    offer="sakura-acme-x900",
    first_host=21,
    network=network,
)
pulumi.export("nodes", {"direct": direct.nodes, "resold": resold.nodes})
"""
UNDECIDED = PROGRAM.replace('offer="acme-x900", ', "")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    made.kokunai("lab", "up", "--hosts", "none")
    yield made
    made.kokunai("lab", "down", "--purge", check=False)


def test_a_made_up_seller_is_added_and_sells(house: House):
    house.write(PROGRAM)
    house.kokunai("run", "--", "pulumi", "stack", "init", STACK)

    house.pulumi("up", "--yes", "--skip-preview", "--policy-pack", "policies")

    assert sorted(machine["name"] for machine in house.machines()) == [
        "demo-direct-0",
        "demo-direct-1",
        "demo-resold-0",
    ]
    nodes = json.loads(house.pulumi("stack", "output", "nodes"))
    bought = {
        name: (node["offer"], node["seller"], node["operator"])
        for pool in nodes.values()
        for name, node in pool.items()
    }
    assert bought["direct-1"] == ("acme-x900", "acme", "acme")
    assert bought["resold-0"] == ("sakura-acme-x900", "sakura", "acme")
    house.pulumi("preview", "--policy-pack", "policies", "--expect-no-changes")


def test_two_offers_of_one_gpu_are_asked_for(house: House):
    house.write(UNDECIDED)

    refused = house.pulumi("preview", check=False)

    keys = "acme-x900 (acme), sakura-acme-x900 (sakura)"
    assert f"acme-nagano sells GPU x900 in several ways; write one as offer: {keys}" in refused
    assert "Traceback" not in refused


def test_its_cluster_is_destroyed(house: House):
    house.write(PROGRAM)

    house.pulumi("destroy", "--yes", "--skip-preview")

    assert house.machines() == []


def test_no_other_file_of_the_house_was_touched(house: House):
    added = {str(path.relative_to(SELLER)) for path in SELLER.rglob("*") if path.is_file()}
    lines = {f"components/kokunai/{file}" for file, _, _ in REGISTRY_LINES}

    ours = {path for path in added if path.startswith(HOUSE) and ".pyc" not in path}
    assert _differences(house.root) == ours | lines


def _differences(root: Path) -> set[str]:
    """Files that are new in the copy, or differ from the house's own."""
    found = set()
    for folder in HOUSE:
        for path in (root / folder).rglob("*"):
            relative = path.relative_to(root)
            own = ROOT / relative
            if not path.is_file() or "__pycache__" in relative.parts:
                continue
            if not own.is_file() or not filecmp.cmp(path, own, shallow=False):
                found.add(str(relative))
    return found
