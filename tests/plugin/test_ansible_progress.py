"""The line that says where a run is."""

import subprocess
import sys
from pathlib import Path

import pytest

from kokunai.plugin.ansible.progress import Progress, count_tasks

SITE = Path(__file__).parents[2] / "playbooks/site.yml"


def test_tasks_of_roles_imports_and_typed_variables_are_counted(tmp_path: Path):
    role = tmp_path / "roles/one"
    (role / "tasks").mkdir(parents=True)
    (role / "meta").mkdir()
    (role / "meta/argument_specs.yml").write_text("{}")
    (role / "tasks/main.yml").write_text(
        "- ansible.builtin.import_tasks: more.yml\n"
        "- ansible.builtin.meta: flush_handlers\n"
        "- block: [{ansible.builtin.debug: {}}, {ansible.builtin.debug: {}}]\n"
    )
    (role / "tasks/more.yml").write_text("- ansible.builtin.debug: {}\n")
    (tmp_path / "site.yml").write_text(
        "- hosts: all\n  pre_tasks: [{ansible.builtin.debug: {}}]\n  roles: [role: one]\n"
    )

    assert count_tasks(tmp_path / "site.yml") == 5


@pytest.mark.slow
def test_our_own_tasks_are_as_many_as_ansible_lists():
    listed = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", "--list-tasks", "-i", "h,", SITE],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    # Ansible lists 'meta' tasks too, which do nothing on a host.
    flushes = sum(
        path.read_text(encoding="utf-8").count("ansible.builtin.meta:")
        for path in SITE.parent.glob("roles/*/tasks/*.yml")
    )

    assert count_tasks(SITE) == listed.count("TAGS: [") - 1 - flushes


@pytest.mark.parametrize(
    "play",
    [
        "- ansible.builtin.import_playbook: other.yml",
        "- {hosts: all, tasks: [{ansible.builtin.include_tasks: more.yml}]}",
        "- {hosts: all, tasks: [{include_role: {name: one}}]}",
        "- {hosts: all, roles: [installed_elsewhere]}",
        "- {hosts: all, vars: {password: !vault x}}",
        "no play",
        "- [",
    ],
)
def test_what_only_ansible_can_count_is_not_guessed(tmp_path: Path, play: str):
    (tmp_path / "site.yml").write_text(play)
    progress = Progress("train", 1)

    progress.total = count_tasks(tmp_path / "site.yml")

    assert progress.total is None
    assert "pool train: 1 tasks, 1 hosts, nccl" in progress.line({"role": "nccl"})


def test_the_line_counts_tasks_and_not_handlers():
    progress = Progress("train", 3)
    progress.total = count_tasks(SITE)

    first = progress.line({"name": "Wait", "role": ""})
    second = progress.line({"name": "Write", "role": "nccl"})
    handler = progress.line({"name": "Restart", "role": "base", "handler": True})

    assert "pool train: 1/" in first
    assert "プール train: 2/" in second
    assert "3 hosts, nccl" in second
    assert "pool train: 2/" in handler


JA = "プール train: 1 タスク、2 台、base（設定を書きます）"
EN = "pool train: 1 tasks, 2 hosts, base: Write it"


@pytest.mark.parametrize(("asked", "line"), [("both", f"{JA} | {EN}"), ("ja", JA), ("en", EN)])
def test_what_a_task_does_is_told_in_the_readers_language(monkeypatch, asked: str, line: str):
    monkeypatch.setenv("KOKUNAI_LANG", asked)

    told = Progress("train", 2).line({"role": "base", "name": "設定を書きます / Write it"})

    assert told == line


def test_what_ansible_does_itself_is_told_in_both_languages_and_a_project_in_its_own():
    validating = "Validating arguments against arg spec 'main' - A filter"

    ours = Progress("train", 1).line({"role": "base", "name": validating})
    own = Progress("train", 1).line({"role": "mine", "name": "Mount it"})

    assert "base（変数を確かめます） | " in ours
    assert ours.endswith("base: Check its variables")
    assert "mine（Mount it） | " in own
