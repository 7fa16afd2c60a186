"""A project's own roles run beside the package's, and the log says which they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

SITE = """\
- name: Own reading order
  hosts: all
  gather_facts: false
  roles: [hello, nccl]
"""
GREET = """\
- name: Greet
  ansible.builtin.copy:
    content: "{{ inventory_hostname }} {{ greeting }}"
    dest: "{{ folder }}/hello"
    mode: "0600"
"""
REPLACED = """\
- name: Say which nccl this is
  file_bundle:
    root: "{{ folder }}"
    files: [{path: /replaced}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    """The folder of a Pulumi.yaml that adds the role hello and replaces nccl and site.yml."""
    root = tmp_path / "project"
    for place, text in {
        "Pulumi.yaml": "",
        "playbooks/site.yml": SITE,
        "playbooks/roles/hello/tasks/main.yml": GREET,
        "playbooks/roles/nccl/tasks/main.yml": REPLACED,
        "playbooks/roles/nccl/templates/replaced.j2": "{{ managed_header }}\nours\n",
    }.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def here(inputs_of, key: Path, tmp_path: Path):
    """Inputs of one host that is this machine, reached without SSH."""
    inputs = inputs_of({"node-1": "127.0.0.1"}, key)
    inputs["variables"] |= {"folder": str(tmp_path), "greeting": "hello"}
    inputs["hosts"][0]["variables"] |= {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    return inputs


async def test_own_roles_run_and_the_log_names_them(project, here, configure, operation, tmp_path):
    outputs, reasons = await configure(here)

    assert reasons == []
    assert outputs["results"]["node-1"]["changed"] == 2
    assert (tmp_path / "hello").read_text() == "node-1 hello"
    # The replaced role finds its own template and the package's module.
    assert (tmp_path / "replaced").read_text().endswith("ours\n")
    assert operation.infos[0].endswith(
        "using the project's playbooks: roles/hello (追加 / added), "
        "roles/nccl (置き換え / replaced), site.yml (置き換え / replaced)"
    )
    assert "プロジェクトの playbooks を使います" in operation.infos[0]
    assert "pool train: 2/2 tasks" in operation.statuses[-1]


async def test_the_provider_setting_wins_over_the_project(
    project, here, configure, operation, tmp_path
):
    other = tmp_path / "other"
    other.mkdir()
    play = {"name": "Other", "hosts": "all", "gather_facts": False}
    task = {"ansible.builtin.file": {"path": str(tmp_path / "other-ran"), "state": "touch"}}
    (other / "site.yml").write_text(json.dumps([{**play, "tasks": [{"name": "Touch", **task}]}]))
    operation.config["playbooksDirectory"] = str(other)

    _, reasons = await configure(here)

    assert reasons == []
    assert (tmp_path / "other-ran").exists()
    assert not (tmp_path / "hello").exists()
    assert not any("playbooks" in info for info in operation.infos)
