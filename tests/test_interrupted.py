"""What a killed engine leaves behind, and which passphrase a stack was made with."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kokunai import engine_words
from kokunai.cli import interrupted, passphrases, stacks
from kokunai.cli.local import make_private
from kokunai.errors import KokunaiError

SALT = "v1:/dEubHXFkP4=:v1:9eEb3Qy3rG59+586:GAhKMSQWNzfyvnJ2OFgO7FdkFTIS4Q=="
"""Made by the engine with the passphrase below."""
PASSPHRASE = "correct horse"
UP = ("pulumi", "up", "--yes", "--stack", "local")
URN = "urn:pulumi:local::p::kokunai:sakura:Server::{}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    return tmp_path


@pytest.fixture
def variables(root: Path) -> dict[str, str]:
    return {"PULUMI_BACKEND_URL": f"file://{root}/my%20state", "PATH": f"{root}/bin:/usr/bin:/bin"}


def lock(root: Path, pid: int, host: str | None = None, since: str | None = None) -> Path:
    folder = root / "my state/.pulumi/locks/organization/p/local"
    folder.mkdir(parents=True, exist_ok=True)
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    made = {"pid": pid, "username": "u", "hostname": host or socket.gethostname()}
    (folder / "a.json").write_text(json.dumps({**made, "timestamp": since or now}))
    return folder / "a.json"


def dead_pid() -> int:
    gone = subprocess.Popen(["true"])
    gone.wait()
    return gone.pid


@pytest.fixture
def sees_all(monkeypatch):
    monkeypatch.setattr(interrupted, "_sees_all_processes", lambda _: True)


@pytest.mark.usefixtures("sees_all")
def test_the_lock_of_a_dead_process_is_removed_and_told(root, variables, capsys):
    file = lock(root, dead_pid())

    interrupted.clear(root, UP, variables)

    assert not file.exists()
    assert "Removed the lock of a process that is dead" in capsys.readouterr().err


@pytest.mark.usefixtures("sees_all")
def test_the_number_of_a_dead_process_may_belong_to_a_younger_one(root, variables):
    file = lock(root, os.getpid(), since="2020-01-01T00:00:00.5+09:00")

    interrupted.clear(root, UP, variables)

    assert not file.exists()


@pytest.mark.usefixtures("sees_all")
def test_the_lock_of_a_living_process_stays_and_the_engine_tells_of_it(root, variables, capsys):
    file = lock(root, os.getpid())

    interrupted.clear(root, UP, variables)

    assert file.exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["another\x1b[2J-machine", None])
def test_where_the_process_cannot_be_seen_the_command_is_said(
    root, variables, capsys, monkeypatch, host
):
    monkeypatch.setattr(interrupted, "_sees_all_processes", lambda _: False)
    file = lock(root, dead_pid(), host)

    interrupted.clear(root, UP, variables)

    said = capsys.readouterr().err
    assert file.exists()
    assert "kokunai run -- pulumi cancel --yes --stack local" in said
    assert "\x1b" not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a namespace")
def test_a_process_of_a_container_is_found_by_its_number_there():
    inside = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", "sleep 30 & echo $!; wait"]
    with subprocess.Popen(inside, stdout=subprocess.PIPE, text=True) as container:
        try:
            assert container.stdout is not None
            number = int(container.stdout.readline())

            assert interrupted._inner(number)
        finally:
            container.kill()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x"}', "\x00"])
def test_a_lock_that_cannot_be_read_is_left_to_the_engine(root, variables, content):
    file = lock(root, 1)
    file.write_text(content)

    interrupted.clear(root, UP, variables)

    assert file.exists()


@pytest.mark.parametrize(
    ("command", "backend"),
    [
        (("pulumi", "stack", "output", "--stack", "local"), None),
        (("pulumi", "up", "--stack", "other"), None),
        (("make", "up", "--stack", "local"), None),
        (UP, "https://api.pulumi.com"),
        (UP, "s3://bucket"),
        (("pulumi", "up"), None),
    ],
)
@pytest.mark.usefixtures("sees_all")
def test_nothing_else_is_touched(root, variables, command, backend):
    file = lock(root, dead_pid())

    interrupted.clear(
        root, command, {**variables, **({"PULUMI_BACKEND_URL": backend} if backend else {})}
    )

    assert file.exists()


def test_the_stack_that_was_selected_is_meant_where_none_is_named(root, variables):
    key = hashlib.sha1(f"{root}/Pulumi.yaml".encode()).hexdigest()
    file = root / f"home/workspaces/p-{key}-workspace.json"
    file.parent.mkdir(parents=True)
    file.write_text(
        json.dumps({"stacks": {variables["PULUMI_BACKEND_URL"]: "organization/p/local"}})
    )

    found = interrupted.stack_of(
        root, ["pulumi", "up"], {**variables, "PULUMI_HOME": f"{root}/home"}
    )

    assert found == interrupted.Stack("p", "local", root / "my state")


def pending(
    root: Path,
    *operations: tuple[str, str],
    existing: tuple[str, ...] = (),
    marks: dict[str, bool] | None = None,
) -> None:
    deployment = {
        "resources": [{"urn": URN.format(name), **(marks or {})} for name in existing],
        "pending_operations": [
            {"type": kind, "resource": {"urn": URN.format(name)}} for kind, name in operations
        ],
    }
    folder = root / "my state/.pulumi/stacks/p"
    folder.mkdir(parents=True)
    (folder / "local.json").write_text(json.dumps({"checkpoint": {"latest": deployment}}))
    (root / "exported.json").write_text(json.dumps({"version": 3, "deployment": deployment}))
    engine = root / "bin/pulumi"
    engine.parent.mkdir()
    engine.write_text(
        f"#!/bin/sh\ncd {root}\n"
        'case "$*" in *export*) cat exported.json;; *) cat >imported.json;; esac\n'
    )
    engine.chmod(0o755)


def test_a_create_that_a_later_run_finished_is_cleared_through_the_engine(root, variables, capsys):
    pending(root, ("creating", "a"), existing=("a",))

    interrupted.clear(root, UP, variables)

    kept = json.loads((root / "imported.json").read_text())["deployment"]
    assert kept["pending_operations"] == []
    assert kept["resources"] == [{"urn": URN.format("a")}]
    assert "finished later: a" in capsys.readouterr().err


@pytest.mark.parametrize("beside", [("creating", "b"), ("updating", "a"), ("deleting", "c")])
def test_nothing_is_cleared_beside_an_operation_that_is_open(root, variables, capsys, beside):
    pending(root, ("creating", "a"), beside, existing=("a",))

    interrupted.clear(root, UP, variables)

    said = capsys.readouterr().err
    assert not (root / "imported.json").exists()
    assert "finished later" not in said
    if beside[0] == "creating":
        assert "being created: b" in said
        assert "pulumi refresh --yes --clear-pending-creates --stack local" in said


@pytest.mark.parametrize("mark", ["delete", "pendingReplacement"])
def test_a_row_that_is_being_replaced_is_no_finished_create(root, variables, capsys, mark):
    pending(root, ("creating", "a"), existing=("a",), marks={mark: True})

    interrupted.clear(root, UP, variables)

    assert not (root / "imported.json").exists()
    assert "being created: a" in capsys.readouterr().err


def test_a_preview_writes_nothing(root, variables):
    pending(root, ("creating", "a"), existing=("a",))

    interrupted.clear(root, ("pulumi", "preview", "-slocal"), variables)

    assert not (root / "imported.json").exists()


@pytest.mark.parametrize(
    ("words", "stack"),
    [
        (("--stack", "dev"), "dev"),
        (("--stack=dev",), "dev"),
        (("-s", "dev"), "dev"),
        (("-s=dev",), "dev"),
        (("-sdev",), "dev"),
        (("-ys", "dev"), "dev"),
        (("--cwd", "-sdev"), "dev"),
        (("--yes",), ""),
    ],
)
def test_the_stack_is_named_in_every_way_that_pulumi_takes(root, words, stack):
    assert stacks.of_command(root, ("pulumi", "up", *words), {"PULUMI_HOME": str(root)}) == stack


def test_a_word_that_looks_like_a_verb_is_none():
    assert engine_words.verb(("pulumi", "config", "set", "x", "up")) == "config"
    assert engine_words.verb(("pulumi", "-C", "up", "--color=never", "preview")) == "preview"


def test_a_state_without_pending_creates_is_not_written(root, variables, capsys):
    pending(root, ("updating", "a"), existing=("a",))

    interrupted.clear(root, UP, variables)

    assert not (root / "imported.json").exists()
    assert capsys.readouterr().err == ""


def test_a_passphrase_is_tried_as_the_engine_tries_it():
    assert passphrases.opens(SALT, PASSPHRASE) is True
    assert passphrases.opens("v1:nonsense", PASSPHRASE) is None


@pytest.fixture
def salted(root: Path) -> Path:
    (root / "stacks/Pulumi.local.yaml").write_text(f"encryptionsalt: {SALT}\nconfig: {{}}\n")
    return root


def test_the_passphrase_of_another_project_is_named_with_the_right_one(salted: Path):
    own = salted / "passphrase"
    own.write_text(f"{PASSPHRASE}\n")

    with pytest.raises(KokunaiError) as refusal:
        passphrases.check(salted, UP, {"PULUMI_CONFIG_PASSPHRASE": "otherwise"}, own)

    assert "unset PULUMI_CONFIG_PASSPHRASE" in refusal.value.ja
    assert "made with the one in .kokunai/passphrase" in refusal.value.en
    assert not {"otherwise", PASSPHRASE} & set(str(refusal.value).split())


def test_a_passphrase_file_that_is_wrong_is_named(salted: Path):
    (salted / "given").write_text("otherwise")

    with pytest.raises(KokunaiError, match="PULUMI_CONFIG_PASSPHRASE_FILE does not open"):
        passphrases.check(
            salted, UP, {"PULUMI_CONFIG_PASSPHRASE_FILE": f"{salted}/given"}, salted / "none"
        )


def test_a_stack_whose_passphrase_is_not_here_gets_no_new_one(salted: Path):
    with pytest.raises(KokunaiError, match="made with a passphrase that is not here"):
        passphrases.check(salted, UP, {}, salted / "none")


def test_the_right_passphrase_and_what_needs_none_pass(salted: Path):
    none = salted / "none"
    passphrases.check(salted, UP, {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}, none)
    passphrases.check(salted, ("true",), {}, none)
    passphrases.check(salted, ("pulumi", "up", "--stack=new"), {}, none)
    none.write_text("the engine judges this one")
    passphrases.check(salted, UP, {}, none)


def test_the_folder_of_a_project_is_for_its_user_alone(tmp_path: Path):
    (tmp_path / "old").mkdir(mode=0o755)

    for name in ("old", "new"):
        make_private(tmp_path / name)

    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("old", "new")] == [0o700, 0o700]


def test_a_checkout_that_cannot_be_written_to_is_told_in_a_sentence(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(KokunaiError, match="copy the project to where you may write"):
        make_private(tmp_path / "file" / ".kokunai")


def test_the_command_is_refused_in_a_sentence(salted: Path):
    given = {**os.environ, "PULUMI_CONFIG_PASSPHRASE": "otherwise"}
    command = [sys.executable, "-c", "from kokunai.cli import main; main()", "run", "--", *UP]

    done = subprocess.run(
        command, cwd=salted, env=given, capture_output=True, text=True, check=False
    )

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "does not open stack local" in done.stderr
