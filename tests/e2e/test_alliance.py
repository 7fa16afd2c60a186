"""One stack with pools at all three operators, built in the lab and given back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.pulumi_project import ROOT, kokunai, link_house, make_key

pytestmark = pytest.mark.xdist_group("alliance")

PACK = ("--policy-pack", "policies")
DELIVERED = ("alliance-kddi", "alliance-highreso")


class Alliance:
    """A project with this checkout's stack `alliance` and a lab of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        link_house(root)
        shutil.copy(ROOT / "Pulumi.yaml", root)
        shutil.copytree(ROOT / "stacks", root / "stacks")
        make_key(root)
        (root / ".kokunai/contracts").mkdir()

    def run(self, *command: str, check: bool = True) -> str:
        ended = kokunai(self.root, *command, timeout=900)
        assert ended.returncode == 0 or not check, ended.stdout
        return ended.stdout

    def pulumi(self, verb: str, *arguments: str) -> str:
        return self.run("run", "--", "pulumi", verb, "--stack", "alliance", *arguments)

    def open(self) -> None:
        self.run("lab", "up")
        for name in DELIVERED:
            contract = f".kokunai/contracts/{name}.yaml"
            description = f"stacks/deliveries/{name}.yaml"
            self.run("lab", "hand-over", description, "--contract-file", contract)
        self.run("run", "--", "pulumi", "stack", "init", "alliance")

    def exported(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", name, "--json"))
        return found

    def hosts(self) -> dict[str, str]:
        """Name and state of everything in the lab."""
        rows = json.loads(self.run("lab", "status", "--json"))["servers"]
        return {row["name"]: row["status"] for row in rows}


@pytest.fixture(scope="module")
def alliance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alliance]:
    made = Alliance(tmp_path_factory.mktemp("alliance"))
    made.open()
    yield made
    made.run("lab", "down", "--purge", check=False)


def test_four_ways_of_capacity_become_verified_nodes_of_one_stack(alliance: Alliance):
    alliance.pulumi("up", "--yes", "--skip-preview", *PACK)

    nodes, offers = alliance.exported("nodes"), alliance.exported("offers")
    assert {pool: len(rows) for pool, rows in nodes.items()} == {
        "prepare": 1,
        "tune": 1,
        "train": 18,
        "infer": 1,
    }
    assert {row["domain"] for row in nodes["train"].values()} == {"rack1"}
    bought = {
        pool: (row["seller"], row["operator"], row["site"], row["obtained"], row.get("paid_until"))
        for pool, row in offers.items()
    }
    assert bought == {
        "prepare": ("sakura", "sakura", "sakura-ishikari", "api", None),
        "tune": ("sakura", "sakura", "sakura-ishikari", "web-order", "2030-03-31"),
        "train": ("kddi", "kddi", "kddi-sakai", "contract", "2030-03-31"),
        "infer": ("highreso", "highreso", "highreso-takamatsu", "contract", "2030-03-31"),
    }
    assert offers["train"]["access"] == "wvs2, internet"
    assert (offers["prepare"]["jpy_per_hour"], offers["infer"]["basis"]) == (990, "quote")
    summary = json.loads(alliance.run("summary", "--stack", "alliance", "--json"))
    assert "fail" not in json.dumps(summary["verified"])


def test_the_second_up_changes_nothing(alliance: Alliance):
    alliance.pulumi("preview", "--expect-no-changes", *PACK)


def test_a_destroy_releases_the_dedicated_server_and_touches_no_host_of_a_contract(
    alliance: Alliance,
):
    before = alliance.hosts()

    said = alliance.pulumi("destroy", "--yes", "--skip-preview")

    after = alliance.hosts()
    handed = {name for name in before if name.startswith(("rack1-", "h200-"))}
    assert len(handed) == 19
    assert {name: after[name] for name in handed} == dict.fromkeys(handed, "up")
    assert set(after) == handed
    assert said.count("is forgotten; nothing on it was touched") == 19
    assert "2030-03-31" in said
