"""No value of a stack file, no path and no answer is ever evaluated as a template by Ansible."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from kokunai import playbooks
from kokunai.errors import KokunaiError
from kokunai.plugin.ansible.unsafe_data import Template, document
from kokunai.role_variables import Share

ROLES = Path(__file__).parents[2] / "playbooks/roles"
# Where it is evaluated it leaves a file in the home; without a slash it can name a folder, too.
EVIL = "{{ lookup('pipe', 'cd; touch evaluated') }}"
# The same without a space, because most variables must be one word.
TIGHT = "{{lookup('pipe','cd;touch${IFS}evaluated')}}"
BUNDLES = {
    "base": "files.yml",
    "firewall": "main.yml",
    "nccl": "main.yml",
    "storage_client": "main.yml",
}


def _poisoned(value):
    """The value with a template behind every text in it."""
    if isinstance(value, str):
        return f"{value}{TIGHT}"
    if isinstance(value, dict):
        return {key: _poisoned(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_poisoned(item) for item in value]
    return value


def _bundle_of(role: str, root: Path):
    """The role's own bundle, written below `root` instead of to this machine."""
    tasks = yaml.safe_load((ROLES / role / "tasks" / BUNDLES[role]).read_text())
    task = next(task for task in tasks if "file_bundle" in task)
    kept = {key: item for key, item in task.items() if key not in ("notify", "register")}
    return {**kept, "file_bundle": {**task["file_bundle"], "root": str(root)}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """A project whose own path is a template, with the package's roles cut to their bundles."""
    root = tmp_path / EVIL
    for role in BUNDLES:
        shutil.copytree(ROLES / role / "templates", root / "playbooks/roles" / role / "templates")
        tasks = root / "playbooks/roles" / role / "tasks/main.yml"
        tasks.parent.mkdir()
        tasks.write_text(yaml.safe_dump([_bundle_of(role, tmp_path / "root")]))
    every = {"name": "Show all", "ansible.builtin.debug": {"msg": "{{ vars }} {{ hostvars }}"}}
    paths = {"name": "Show paths", "ansible.builtin.debug": {"msg": "{{ role_path }}"}}
    (root / "playbooks/roles/nccl/tasks/main.yml").write_text(
        yaml.safe_dump([_bundle_of("nccl", tmp_path / "root"), paths])
    )
    play = {"name": "All", "hosts": "all", "gather_facts": False, "roles": list(BUNDLES)}
    (root / "playbooks/site.yml").write_text(yaml.safe_dump([{**play, "post_tasks": [every]}]))
    (root / "Pulumi.yaml").touch()
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(tmp_path))
    return root


@pytest.fixture
def inputs(project, inputs_of, key: Path):
    """Inputs of this machine with a template in every variable and in the name of the key."""
    key.rename(project / f"id {EVIL}")
    share = Share("files", "192.168.10.9", "/export", "/mnt/share")
    made = inputs_of({"node-1": "127.0.0.1"}, key, shares=(share,), package_holds=("linux-*",))
    made["privateKeyFile"] = f"id {EVIL}"
    made["variables"] = _poisoned(made["variables"]) | {"kokunai_roles": list(BUNDLES)}
    made["secretVariables"] = _poisoned(made["secretVariables"])
    [host] = made["hosts"]
    host["variables"] = _poisoned(host["variables"]) | {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }

    return made


async def test_templates_in_every_variable_the_key_and_the_path_are_never_evaluated(
    inputs, configure, tmp_path: Path
):
    _, reasons = await configure(inputs)

    assert reasons == []
    assert not (tmp_path / "evaluated").exists()
    written = (tmp_path / "root/etc/chrony/chrony.conf").read_text()
    assert f"server 192.0.2.1{TIGHT} iburst" in written


def test_every_text_is_marked_as_data_and_only_our_own_templates_are_not():
    made = json.loads(document({"a": ["x", {"b": "{{ y }}"}], "n": 5, "t": Template("{{ t }}")}))

    marked = {"a": [{"__ansible_unsafe": "x"}, {"b": {"__ansible_unsafe": "{{ y }}"}}]}
    assert made == {**marked, "n": 5, "t": "{{ t }}"}


def test_what_is_not_read_as_json_is_not_read_as_yaml_either():
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(document({"all": {"vars": {"a": "x"}}}))


@pytest.mark.parametrize("name", ["__ansible_unsafe", "__ansible_vault", "{{ x }}", "a{%b"])
def test_a_key_that_means_something_to_ansible_is_refused(name: str):
    with pytest.raises(KokunaiError, match="rename it"):
        document({"all": {"vars": {"given": [{name: "x"}]}}})


def test_the_roles_walked_here_are_all_that_write_files():
    bundled = {
        path.parts[-3]
        for path in ROLES.glob("*/tasks/*.yml")
        if "file_bundle:" in path.read_text(encoding="utf-8")
    }

    assert bundled == set(BUNDLES)
    assert playbooks.packaged().samefile(ROLES.parent)
