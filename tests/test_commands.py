"""The command line answers with one message a person can act on, from any folder of the project."""

import json
import subprocess
from pathlib import Path

import pytest

from kokunai import cli
from kokunai.cli import outputs

ROOT = Path(__file__).parents[1]
BROKEN = ROOT / "tests/data/broken_stack_files"


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
    capsys: pytest.CaptureFixture[str],
):
    files = [BROKEN / "bad_cidr.yaml", ROOT / "stacks/Pulumi.local.yaml", BROKEN / "empty.yaml"]

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
        "a-node-with-a-long-name-0": {
            "address": "198.18.0.11",
            "private_address": None,
            "pool": "p",
            "site": "sakura-ishikari",
            "gpu": "h100",
            "user": "root",
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
    "login": {"a-node-with-a-long-name-0": "ssh -i key root@198.18.0.11"},
    "private_key_file": "key",
}


def test_the_summary_is_a_table_with_what_to_type_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(outputs, "stack_outputs", lambda _: OUTPUTS)

    assert _run("summary") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  a-node-with-a-long-name-0  198.18.0.11  -  h100  sakura-ishikari"
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
