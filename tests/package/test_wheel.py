"""The wheel holds all that is needed away from a checkout, and nothing else."""

from __future__ import annotations

import configparser
import re
import subprocess
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import yaml

from kokunai.cli import project_files
from kokunai_policy import waivers

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("wheel")]


@pytest.fixture
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _text(wheel: Path, end: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(end))
        return archive.read(name).decode()


def _sources(folder: str) -> set[str]:
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {
        str(path.relative_to(ROOT / folder)) for path in files if "__pycache__" not in str(path)
    }


def test_modules_catalogue_facts_rules_and_templates_are_in_it(names):
    package = {f"kokunai/{name}" for name in _sources("components/kokunai")}
    rules = {f"kokunai_policy/{name}" for name in _sources("policies/kokunai_policy")}

    assert {"kokunai/py.typed", "kokunai/cli/templates/dot-gitignore.j2"} < package
    assert package - names == set()
    assert rules - names == set()


def test_every_playbook_is_in_it(names):
    playbooks = {f"kokunai/_playbooks/{name}" for name in _sources("playbooks")}

    assert "kokunai/_playbooks/site.yml" in playbooks
    assert playbooks - names == set()


def test_it_holds_nothing_of_the_checkout_beside_the_packages(names):
    top = {name.split("/")[0] for name in names}

    assert {re.sub(r"-.*", "", name) for name in top} == {"kokunai", "kokunai_policy"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_licence_and_the_extras_are_told(wheel, names):
    metadata = message_from_string(_text(wheel, "METADATA"))

    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert set(metadata.get_all("Provides-Extra")) == {"lab", "policy", "dev"}
    always = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
    assert not [line for line in always if re.match("starlette|uvicorn|pulumi-policy", line)]


def test_the_command_and_the_plugin_are_started_by_name(wheel):
    entries = configparser.ConfigParser()
    entries.read_string(_text(wheel, "entry_points.txt"))

    assert set(entries["console_scripts"]) == {"kokunai", "pulumi-resource-kokunai"}


def test_in_an_empty_environment_everything_of_ours_comes_from_the_wheel(project):
    code = "import kokunai as a, kokunai_policy as b; print(a.__file__, b.__file__, sep='\\n')"

    said = subprocess.run(
        [project / ".venv/bin/python", "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert len(said.splitlines()) == 2
    assert all(line.startswith(f"{project}/.venv/") for line in said.splitlines())


def test_the_plugin_found_on_the_path_tells_its_schema_port(project):
    with subprocess.Popen(
        [project / ".venv/bin/pulumi-resource-kokunai", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        text=True,
    ) as plugin:
        try:
            assert plugin.stdout
            assert plugin.stdout.readline().strip().isdigit()
        finally:
            plugin.terminate()


def test_a_template_becomes_a_project_through_pulumi_new(project, tmp_path):
    template, made = tmp_path / "雛形 a", tmp_path / "作った b"
    kokunai = project / ".venv/bin/kokunai"
    made.mkdir()
    subprocess.run([kokunai, "new", "--template", template], check=True)
    options = ("--generate-only", "--yes", "--non-interactive", "--name", "from-template")
    described = ("--description", "A cluster: ours")

    done = subprocess.run(
        [
            "sh",
            "-ec",
            'eval "$("$0" engine env)"; exec pulumi new "$@"',
            kokunai,
            template,
            *options,
            *described,
        ],
        cwd=made,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert project_files.STEPS[-1] in done.stdout
    settings = yaml.safe_load((made / "Pulumi.yaml").read_text())
    assert (settings["name"], settings["description"]) == ("from-template", "A cluster: ours")
    assert settings["plugins"]["providers"] == [{"name": "kokunai", "path": "plugin"}]
    written = project_files.render("from-template", project_files.sellers())
    for path, text in written.items():
        if path not in {"Pulumi.yaml", "policies/waivers.yaml"}:  # they are told another name
            assert (made / path).read_text() == text, path
    assert waivers.in_folder(made / "policies") == waivers.Waivers()
