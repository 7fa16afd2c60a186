"""The command line answers with one message a person can act on, from any folder of the project."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kokunai import cli
from kokunai.cli import outputs
from support.broken_stack_files import BROKEN

ROOT = Path(__file__).parents[1]


@pytest.fixture
def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project outside of the checkout, entered, and an engine that somebody installed."""
    for name, says in (("pulumi", "echo v3.240.0"), ("pulumi-language-python", "")):
        program = tmp_path / "official" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
    root = tmp_path / "own"
    (root / "below").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
    monkeypatch.chdir(root / "below")
    return root


def _run(*arguments: str) -> int:
    try:
        cli.main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_every_command_says_in_both_languages_what_it_does(capsys: pytest.CaptureFixture[str]):
    for name in cli._COMMANDS:
        assert _run(name, "--help") == 0

        shown = capsys.readouterr().out
        assert any("\u3040" <= letter <= "\u9fff" for letter in shown), name
        assert f"kokunai {name}" in shown


def test_the_mistakes_of_every_file_are_shown_not_only_of_the_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("bad_cidr", "empty"):
        (tmp_path / f"{name}.yaml").write_text(BROKEN[name].text)
    files = [tmp_path / "bad_cidr.yaml", ROOT / "stacks/Pulumi.local.yaml", tmp_path / "empty.yaml"]

    code = _run("check", *map(str, files), "nowhere.yaml")

    shown = capsys.readouterr()
    assert code == 1
    assert f"{files[1]}: ok" in shown.out
    assert all(name in shown.err for name in ("bad_cidr.yaml", "empty.yaml", "nowhere.yaml"))
    assert "Traceback" not in shown.err
    assert "\x1b" not in shown.err


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]):
    assert _run("schema") == 0

    assert json.loads(capsys.readouterr().out)["title"] == "Kokunai stack file"


@pytest.mark.parametrize("command", ["summary", "inventory"])
def test_a_stack_without_outputs_is_one_message(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(ROOT / "stacks")
    monkeypatch.setattr(outputs, "environment", lambda _: {})
    answer = subprocess.CompletedProcess([], 0, stdout='{"private_key_file": "k"}', stderr="")
    monkeypatch.setattr(outputs.subprocess, "run", lambda *_, **__: answer)

    code = _run(command)

    shown = capsys.readouterr().err
    assert code == 1
    assert "run pulumi up first" in shown
    assert "Traceback" not in shown


OUTPUTS = {
    "nodes": {
        "a-pool": {
            "a-node-with-a-long-name-0": {
                "address": "198.18.0.11",
                "private_address": None,
                "site": "sakura-ishikari",
                "gpu": "h100",
                "offer": "resold-h100",
                "seller": "highreso",
                "operator": "sakura",
                "user": "root",
            }
        }
    },
    "verified": {
        "p": {
            "a-node-with-a-long-name-0": {
                "gpu_count": {"value": 1, "verdict": "pass", "reason": ""},
                "kernel_parameters": {"value": {"a": "1", "b": "2"}, "verdict": "fail"},
            },
            "a-node-with-a-long-name-1": {},
        }
    },
    "private_key_file": "key",
}


def test_the_summary_is_a_table_with_what_to_type_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(outputs, "stack_outputs", lambda _: OUTPUTS)

    assert _run("summary") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == (
        "  a-node-with-a-long-name-0  198.18.0.11  -  h100  sakura-ishikari  "
        "resold-h100 (highreso, 運用 / operated by sakura)"
    )
    assert lines[3].index("pass") == lines[4].index("fail")
    assert lines[4].endswith("a=1 b=2")
    assert lines[5].split()[:3] == ["a-node-with-a-long-name-1", "-", "not-verified"]
    assert any("inventory --stack local" in line for line in lines)


def test_outside_a_project_the_command_says_where_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)

    assert _run("summary") == 1

    assert "Pulumi.yaml" in capsys.readouterr().err


def test_the_inventory_groups_hosts_by_pool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)

    groups = outputs._inventory(OUTPUTS)["all"]

    assert list(groups["children"]) == ["a_pool"]
    assert groups["children"]["a_pool"]["hosts"]["a-node-with-a-long-name-0"] == {
        "ansible_host": "198.18.0.11",
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(ROOT / "key"),
    }


@pytest.mark.parametrize(
    ("text", "columns"),
    [("fail", 4), ("不合格", 6), ("ｶﾅ", 2), ("か\u3099", 2), ("Ａ1", 3), ("", 0)],
)
def test_full_width_characters_take_two_columns(text: str, columns: int):
    assert outputs.width(text) == columns


def test_columns_after_japanese_cells_begin_at_the_same_place(capsys: pytest.CaptureFixture[str]):
    outputs._show_table([["石狩", "pass", "x"], ["tokyo", "fail", "y"]])

    first, second = capsys.readouterr().out.splitlines()
    columns = [
        outputs.width(line[: line.index(word)])
        for line, word in ((first, "pass"), (second, "fail"))
    ]
    assert columns[0] == columns[1]


def test_a_project_without_our_makefile_is_told_how_to_destroy(
    own_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(outputs, "stack_outputs", lambda _: OUTPUTS)

    _run("summary", "--stack", "dev")

    assert "run -- pulumi destroy --stack dev" in capsys.readouterr().out


def test_a_command_runs_with_the_state_and_the_programs_of_a_project_of_ones_own(
    own_project: Path, tmp_path: Path
):
    scripts = Path(sys.executable).parent
    script = (
        "import os, shutil; "
        "print(os.environ['PULUMI_BACKEND_URL'], *map(shutil.which, ('pulumi', 'kokunai')))"
    )
    command = [scripts / "kokunai", "run", "--", "python3", "-c", script]
    search = f"{tmp_path / 'official'}:{os.defpath}"

    ended = subprocess.run(
        command, env={**os.environ, "PATH": search}, capture_output=True, text=True, check=False
    )

    backend, pulumi, kokunai = ended.stdout.split()
    assert backend == f"file://{own_project}/.kokunai/state"
    assert Path(pulumi) == tmp_path / "official/pulumi"
    assert Path(kokunai) == scripts / "kokunai"
    assert (own_project / ".kokunai/passphrase").stat().st_mode & 0o777 == 0o600
