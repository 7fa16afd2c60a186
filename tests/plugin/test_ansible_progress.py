"""The line that says where a run is."""

from pathlib import Path

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


def test_the_line_counts_tasks_and_not_handlers():
    progress = Progress("train", count_tasks(SITE), 3)

    first = progress.line({"name": "Wait", "role": ""})
    second = progress.line({"name": "Write", "role": "nccl"})
    handler = progress.line({"name": "Restart", "role": "base", "handler": True})

    assert "pool train: 1/" in first
    assert "プール train: 2/" in second
    assert "3 hosts, nccl" in second
    assert "pool train: 2/" in handler
