"""A seller of one's own is its files and a registry line each: added to a copy, it sells."""

from __future__ import annotations

import filecmp
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

pytestmark = pytest.mark.xdist_group("made-up-seller")

ROOT = Path(__file__).parents[2]
SELLER = Path(__file__).parents[1] / "data/made_up_seller"
HOUSE = ("components", "playbooks", "policies")
STACK = "acme"
# File, the line after which one is put in, and that line.
REGISTRY_LINES = (
    ("capacity/__init__.py", "DOORS = {", '    "acme": "kokunai.capacity.acme",'),
    ("plugin/registry.py", "MODULES = (", "    acme,"),
    (
        "plugin/registry.py",
        "from kokunai.plugin.sakura.module import sakura",
        "from kokunai.plugin.acme.module import acme",
    ),
    ("lab/emulators.py", "_BUILT_IN = (", '    "kokunai.lab.acme:EMULATOR",'),
)
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


class House:
    """A copy of the house with the made-up seller in it, a project and a lab of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in HOUSE:
            skipped = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / folder, root / folder, symlinks=True, ignore=skipped)
        shutil.copytree(SELLER, root, dirs_exist_ok=True)
        for file, after, line in REGISTRY_LINES:
            path = root / "components/kokunai" / file
            text = path.read_text()
            assert text.count(after) == 1
            path.write_text(text.replace(after, f"{after}\n{line}"))
        self._make_environment()
        self._make_project()

    def _make_environment(self) -> None:
        """The packages of the running environment, but this copy of the house."""
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=self.root, check=True
        )
        [packages] = (self.root / ".venv/lib").glob("python*/site-packages")
        places = (self.root / "components", self.root / "policies", sysconfig.get_path("purelib"))
        (packages / "house.pth").write_text("".join(f"{place}\n" for place in places))

    def _make_project(self) -> None:
        (self.root / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        key = self.root / ".kokunai/ssh/id_ed25519"
        key.parent.mkdir(parents=True, mode=0o700)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        (self.root / "stacks").mkdir()
        access = {"private_key_file": ".kokunai/ssh/id_ed25519", "ssh_from": ["198.18.0.0/15"]}
        settings = {"name": "demo", "data_class": "internal", "lab": True, "access": access}
        stack = {"config": {"kokunai:settings": settings}}
        (self.root / f"stacks/Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(stack))

    def kokunai(self, *arguments: str, check: bool = True) -> str:
        """Output of the command of this copy."""
        start = "from kokunai.cli import main; main()"
        ended = subprocess.run(
            [self.root / ".venv/bin/python", "-c", start, *arguments],
            cwd=self.root,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0 or not check, ended.stdout
        return ended.stdout

    def pulumi(self, verb: str, *arguments: str, check: bool = True) -> str:
        return self.kokunai("run", "--", "pulumi", verb, "--stack", STACK, *arguments, check=check)

    def write(self, program: str) -> None:
        (self.root / "stacks/__main__.py").write_text(program)

    def machines(self) -> list[dict[str, Any]]:
        """What Acme has, asked as another client would."""
        variables = json.loads(self.kokunai("lab", "env", "--json"))
        reply = httpx.get(
            f"{variables['ACME_API_URL']}/machines",
            headers={"Authorization": f"Bearer {variables['ACME_API_KEY']}"},
        )
        return reply.raise_for_status().json()


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

    assert _differences(house.root) == {path for path in added if ".pyc" not in path} | lines


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
