"""A Pulumi program of one's own, as in examples/own_program, built on the lab and destroyed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pulumi_project import ROOT, kokunai, link_house, make_key

pytestmark = pytest.mark.xdist_group("own-program")

PACK = ("--policy-pack", "../../policies")


class OwnProgram:
    """A copy of the example with its own lab and state; the package is the checkout's."""

    def __init__(self, root: Path) -> None:
        link_house(root)
        self.folder = root / "examples/own_program"
        skipped = shutil.ignore_patterns(".kokunai", "__pycache__")
        shutil.copytree(ROOT / "examples/own_program", self.folder, ignore=skipped)
        make_key(self.folder)

    def run(self, *command: str, check: bool = True) -> str:
        ended = kokunai(self.folder, *command)
        assert ended.returncode == 0 or not check, ended.stdout
        return ended.stdout

    def pulumi(self, verb: str, *arguments: str, check: bool = True) -> str:
        return self.run("run", "--", "pulumi", verb, "--stack", "lab", *arguments, check=check)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnProgram]:
    made = OwnProgram(tmp_path_factory.mktemp("own"))
    made.run("lab", "up")
    made.run("run", "--", "pulumi", "stack", "init", "lab")
    yield made
    made.run("lab", "down", "--purge", check=False)


def test_the_example_is_built_with_outputs_of_its_own(program: OwnProgram):
    program.pulumi("up", "--yes", "--skip-preview", *PACK)

    written = json.loads(program.pulumi("stack", "output", "--json"))
    assert "Host vision-train-0\n  HostName 198.1" in written["ssh_config"]
    assert written["verified"]["vision-train-0"]["gpu_count"]["verdict"] == "pass"
    program.pulumi("preview", "--expect-no-changes", *PACK)


def test_a_mistake_in_it_is_one_message_without_a_traceback(program: OwnProgram):
    path = program.folder / "__main__.py"
    right = path.read_text()
    path.write_text(right.replace('gpu="h100"', 'gpu="h300"'))

    refused = program.pulumi("preview", check=False)

    path.write_text(right)
    assert 'GpuNodePool("vision-train").gpu: sakura-ishikari does not sell GPU h300' in refused
    assert "Traceback" not in refused


def test_it_is_destroyed(program: OwnProgram):
    program.pulumi("destroy", "--yes", "--skip-preview")

    exported = json.loads(program.pulumi("stack", "export"))
    assert not exported["deployment"].get("resources")
