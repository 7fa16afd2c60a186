"""A newcomer's way, told in order: the wheel, an own project, a cluster on this machine, gone.

The commands are those that `kokunai new` prints, run where no checkout is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from wheel_environment import make_environment

from kokunai.cli import project_files

pytestmark = [pytest.mark.e2e, pytest.mark.hosts, pytest.mark.xdist_group("wheel")]

EXAMPLE = Path(__file__).parents[2] / "examples/own_program"
_OURS = ("PULUMI_", "KOKUNAI_", "SAKURA", "PYTHONPATH", "VIRTUAL_ENV")


class OwnProject:
    """A folder with its own Python; commands run as in a shell that activated it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_OURS)
        }

    def run(self, command: str, *, check: bool = True) -> str:
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"source .venv/bin/activate\n{command}"],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=420,
            check=False,
        )
        assert not check or ended.returncode == 0, f"{command}\n{ended.stdout}"
        return ended.stdout

    def pulumi(self, arguments: str, stack: str = "local") -> str:
        return self.run(f"kokunai run -- pulumi {arguments} --stack {stack}")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[OwnProject]:
    """An empty folder and an empty environment, up to the printed `pulumi up`."""
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip("hosts of kind `full` need root and systemd-nspawn")
    directory = tmp_path_factory.mktemp("journey") / "国内 の GPU"
    make_environment(directory / ".venv", wheel)
    project = OwnProject(directory)
    try:
        project.run("kokunai new . --name own-project")
        _follow(project)
        yield project
    finally:
        project.run("kokunai lab down --purge", check=False)


def _follow(project: OwnProject) -> None:
    """The printed steps after the installation, without the questions of `pulumi up`."""
    steps = project_files.STEPS
    for step in steps[steps.index("source .venv/bin/activate") + 1 :]:
        is_up = " pulumi up " in step
        project.run(f"{step} --yes --skip-preview" if is_up else step)


def test_the_printed_steps_lead_to_a_verified_node(own: OwnProject):
    outputs = json.loads(own.pulumi("stack output --json"))

    assert list(outputs["nodes"]["train"]) == ["train-0"]
    checks = json.loads(own.run("kokunai summary --json"))["verified"]["train-0"]
    assert checks["gpu_count"]["verdict"] == "pass"
    assert checks["nccl_bandwidth"]["verdict"] == "not-verified"


def test_every_resource_is_judged_by_the_pack_of_the_project(own: OwnProject):
    said = own.pulumi("preview --policy-pack policies --expect-no-changes")

    assert "kokunai-domestic-data" in said
    assert "unchanged" in said


def test_the_pack_refuses_what_the_program_makes_beside_the_components(own: OwnProject):
    program = own.directory / "__main__.py"
    before = program.read_text()
    switch = 'pulumi.CustomResource("kokunai:sakura:Switch", "more", {"name": "more"})'
    program.write_text(f"{before}\n{switch}\n")

    said = own.run("kokunai run -- pulumi preview --stack local --policy-pack policies || true")

    program.write_text(before)
    assert "KN-CLS-01" in said
    assert "KN-LOC-01" in said


def test_a_destroyed_cluster_leaves_an_empty_stack(own: OwnProject):
    own.pulumi("destroy --yes --skip-preview")

    state = json.loads(own.pulumi("stack export"))
    left = [one["type"] for one in state["deployment"].get("resources", [])]
    assert left in ([], ["pulumi:pulumi:Stack"])


def test_a_program_of_ones_own_is_built_judged_and_destroyed_there_too(own: OwnProject):
    for file in ("__main__.py", "Pulumi.lab.yaml"):
        shutil.copy(EXAMPLE / file, own.directory)
    own.run("kokunai run -- pulumi stack init lab")

    own.pulumi("up --yes --skip-preview --policy-pack policies", "lab")
    said = own.pulumi("preview --policy-pack policies --expect-no-changes", "lab")

    assert "unchanged" in said
    assert "Host vision-train-0" in own.pulumi("stack output ssh_config", "lab")
    own.pulumi("destroy --yes --skip-preview", "lab")
    state = json.loads(own.pulumi("stack export", "lab"))
    assert not state["deployment"].get("resources")
