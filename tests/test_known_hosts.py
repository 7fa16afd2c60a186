"""A login by hand knows the keys that the state recorded, also after the cluster was made again."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from kokunai.cli import known_hosts, outputs

KEY = "198.18.0.11 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEB"
NEW = "198.18.0.11 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICIC"


def _state(*lines: object):
    keys = {"train-0": list(lines)}
    return {"resources": [{"type": "kokunai:ansible:Configuration", "outputs": {"hostKeys": keys}}]}


def test_a_cluster_made_again_leaves_no_older_key(tmp_path: Path):
    known_hosts.keep(tmp_path, "local", known_hosts.lines_of(_state(KEY)))

    file = known_hosts.keep(tmp_path, "local", known_hosts.lines_of(_state(NEW)))

    assert file == tmp_path / ".kokunai/known_hosts/local"
    assert file.read_text() == f"{NEW}\n"


def test_a_destroyed_cluster_has_no_file(tmp_path: Path):
    file = known_hosts.keep(tmp_path, "local", [KEY])

    assert known_hosts.keep(tmp_path, "local", known_hosts.lines_of({})) is None
    assert not file.exists()


def test_a_project_that_cannot_be_written_to_is_a_sentence_and_the_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / ".kokunai").write_text("in the way")
    monkeypatch.setattr(outputs.project, "root", lambda _: tmp_path)

    assert outputs._kept_keys("local", _state(KEY)) is None
    assert outputs._kept_keys("local", {}) is None

    said = capsys.readouterr().err
    assert "を書けません（Not a directory）" in said
    assert "Traceback" not in said


def test_a_file_that_is_right_already_is_used_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = known_hosts.keep(tmp_path, "local", [KEY])
    monkeypatch.setattr(known_hosts, "_write", lambda *_: pytest.fail("writes"))

    assert known_hosts.keep(tmp_path, "local", [KEY]) == file


@pytest.mark.parametrize(
    "line",
    ["a b", f"{KEY}\nevil ssh-rsa AAAA", "* ssh-rsa AAAA", "@cert-authority * ssh-rsa AA", 5, None],
)
def test_only_lines_of_one_host_and_one_key_are_kept(line: object):
    assert known_hosts.lines_of(_state(line, KEY)) == [KEY]


@pytest.mark.parametrize("name", ["plain", "with a space", "with %h", "quote'd"])
def test_ssh_reads_the_file_from_any_folder(tmp_path: Path, name: str):
    folder = tmp_path / name
    file = known_hosts.keep(folder, "local", [KEY])

    words = shlex.split(known_hosts.option(file))
    shown = subprocess.run(
        ["ssh", "-G", "-F", "none", *words, "198.18.0.11"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"userknownhostsfile {file}" in shown.stdout.replace("%%", "%")


def _outputs(root: Path):
    node = {"address": "198.18.0.11", "user": "root"}
    (root / "Pulumi.yaml").touch()
    return {
        "nodes": {"train": {"train-0": node}},
        "private_key_file": "~/a key",
        "known_hosts": known_hosts.keep(root, "local", [KEY]),
    }


def test_login_and_inventory_use_the_file_and_the_absolute_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    told = _outputs(tmp_path)

    login = outputs._login(told, told["nodes"]["train"]["train-0"])
    [host] = outputs._inventory(told)["all"]["children"]["train"]["hosts"].values()

    option = "-o UserKnownHostsFile=.kokunai/known_hosts/local"
    assert login == f"ssh -i '/home/me/a key' {option} root@198.18.0.11"
    assert host["ansible_ssh_private_key_file"] == "/home/me/a key"
    assert host["ansible_ssh_common_args"] == (
        f"-o UserKnownHostsFile={tmp_path}/.kokunai/known_hosts/local"
    )


def test_the_summary_says_when_the_verdicts_were_taken():
    check = {"value": 1, "verdict": "pass", "reason": "", "takenAt": "2026-01-31T09:00:00Z"}

    rows = outputs._check_rows("train-0", {"gpu_count": check, "driver": check})

    assert rows[-1][-1].endswith("taken at 2026-01-31T09:00:00Z")
    assert len(rows) == 3
