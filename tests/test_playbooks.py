"""Which playbooks run: the package's own, with what a project adds or replaces, and no caches."""

from pathlib import Path

import pytest

from kokunai import playbooks

ROOT = Path(__file__).parents[1]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A project that adds the role hello and has another nccl."""
    for role in ("hello", "nccl"):
        tasks = tmp_path / f"playbooks/roles/{role}/tasks"
        tasks.mkdir(parents=True)
        (tasks / "main.yml").write_text("[]\n")
    return tmp_path


def test_the_playbooks_of_the_checkout_are_the_packages_own():
    assert playbooks.packaged() == ROOT / "playbooks"
    assert playbooks.project(ROOT) is None
    assert playbooks.overrides(ROOT) == []


def test_a_project_without_playbooks_runs_the_packages_own(tmp_path: Path):
    site = playbooks.compose(tmp_path, tmp_path / "run")

    assert playbooks.project(tmp_path) is None
    assert site.resolve() == playbooks.packaged() / "site.yml"
    assert (site.parent / "library/file_bundle.py").is_file()


def test_a_projects_roles_are_added_and_win_by_name(own: Path, tmp_path: Path):
    roles = playbooks.compose(own, tmp_path / "run").parent / "roles"

    assert (roles / "hello").resolve() == own / "playbooks/roles/hello"
    assert (roles / "nccl").resolve() == own / "playbooks/roles/nccl"
    assert (roles / "base").resolve() == playbooks.packaged() / "roles/base"
    assert playbooks.overrides(own) == [
        "roles/hello (追加 / added)",
        "roles/nccl (置き換え / replaced)",
    ]


def test_a_projects_own_reading_order_wins(own: Path, tmp_path: Path):
    (own / "playbooks/site.yml").write_text("- hosts: all\n")

    site = playbooks.compose(own, tmp_path / "run")

    assert site.read_text() == "- hosts: all\n"
    assert "site.yml (置き換え / replaced)" in playbooks.overrides(own)


def test_the_digest_is_the_same_in_every_project_with_the_same_files(own: Path, tmp_path: Path):
    (tmp_path / "there").mkdir()
    (own / "playbooks").rename(tmp_path / "there/playbooks")
    there = playbooks.digest(tmp_path / "there")
    (tmp_path / "there/playbooks").rename(own / "playbooks")

    assert playbooks.digest(own) == there != playbooks.digest(ROOT)


def test_caches_and_readmes_do_not_change_the_digest(own: Path):
    before = playbooks.digest(own)
    (own / "playbooks/README.md").write_text("How to use it\n")
    for place in ("__pycache__", "roles/hello/__pycache__", "roles/hello/.ansible", ".git"):
        (own / "playbooks" / place).mkdir()
        (own / "playbooks" / place / "x.cpython-311.pyc").write_bytes(b"1")

    assert playbooks.digest(own) == before


def test_a_changed_or_renamed_file_changes_the_digest(own: Path):
    tasks = own / "playbooks/roles/hello/tasks"
    before = playbooks.digest(own)

    (tasks / "main.yml").write_text("[] # changed\n")
    changed = playbooks.digest(own)
    (tasks / "main.yml").rename(tasks / "other.yml")
    renamed = playbooks.digest(own)

    assert len({before, changed, renamed}) == 3


def test_a_packaged_role_that_is_replaced_no_longer_counts(own: Path, monkeypatch, tmp_path: Path):
    package = tmp_path / "package"
    for role in ("base", "nccl"):
        (package / f"roles/{role}").mkdir(parents=True)
    (package / "site.yml").write_text("- hosts: all\n")
    monkeypatch.setattr(playbooks, "_PACKAGED", package)
    before = playbooks.digest(own)

    (package / "roles/nccl/main.yml").write_text("[]")
    replaced = playbooks.digest(own)
    (package / "roles/base/main.yml").write_text("[]")

    assert replaced == before
    assert playbooks.digest(own) != before
