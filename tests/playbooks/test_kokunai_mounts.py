"""What is looked at before a share is mounted, on directories that stand for a host."""

import importlib.util
import os
import time
from pathlib import Path

import pytest

from support import ansible_module

MODULE = Path(__file__).parents[2] / "playbooks/library/kokunai_mounts.py"
_SPEC = importlib.util.spec_from_file_location("kokunai_mounts", MODULE)
mounts = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(mounts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mounts").write_text("server:/export /mnt/a\\040b nfs4 rw 0 0\n")
    return tmp_path


def _run(root: Path, *paths: str, check_mode: bool = False):
    given = {"root": str(root), "paths": paths, "_ansible_check_mode": check_mode}
    return ansible_module.run(MODULE, **given)


def test_a_directory_with_files_is_refused_before_it_is_hidden(root: Path):
    (root / "mnt/full").mkdir(parents=True)
    (root / "mnt/full/kept").touch()
    (root / "mnt/file").touch()

    told = _run(root, "/mnt/full", "/mnt/file", "/mnt/none")

    assert told["failed"] is True
    assert "/mnt/full, /mnt/file は空のディレクトリではない" in told["msg"]
    assert "choose another mount point" in told["msg"]


def test_an_empty_directory_none_and_a_mounted_share_are_fine(root: Path):
    (root / "mnt/empty").mkdir(parents=True)
    (root / "mnt/a b").mkdir()
    (root / "mnt/a b/data").touch()

    told = _run(root, "/mnt/empty", "/mnt/none", "/mnt/a b")

    assert told["changed"] is False
    assert told["dead"] == []


def test_a_mount_that_cannot_be_asked_is_told_and_in_a_check_run_left_alone(root: Path):
    told = _run(root, "/mnt/a b", check_mode=True)

    assert told["changed"] is True
    assert told["paths_changed"] == ["/mnt/a b"]


def test_a_mount_that_does_not_answer_is_dead_within_the_limit(root: Path, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda _path: time.sleep(600))
    began = time.monotonic()

    found = mounts.dead(root, ["/mnt/a"], 0.2)

    assert found == ["/mnt/a"]
    assert time.monotonic() - began < 5
