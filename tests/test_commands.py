"""The command line answers with one message a person can act on, from any folder of the project."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kokunai import cli
from kokunai.cli import outputs, stack_files
from kokunai.errors import Problem
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


def _column(line: str, word: str) -> int:
    """Where a word begins on a terminal."""
    return outputs.width(line[: line.index(word)])


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
    assert _column(lines[3], "合格 pass") == _column(lines[4], "不合格 fail")
    assert lines[4].endswith("a=1 b=2")
    assert lines[5].split()[:4] == ["a-node-with-a-long-name-1", "-", "未検証", "not-verified"]
    assert "GPU の数 gpu_count" in lines[3]
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


def test_columns_after_japanese_cells_begin_at_the_same_place(capsys: pytest.CaptureFixture[str]):
    outputs._show_table([["石狩", "pass", "x"], ["tokyo", "fail", "y"]])

    first, second = capsys.readouterr().out.splitlines()
    assert _column(first, "合格 pass") == _column(second, "不合格 fail")


def test_a_project_without_our_makefile_is_told_how_to_destroy(
    own_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(outputs, "stack_outputs", lambda _: OUTPUTS)

    _run("summary", "--stack", "dev")

    assert "run -- pulumi destroy --stack dev" in capsys.readouterr().out


@pytest.mark.parametrize("asked", ["ja", "en", "both"])
def test_every_help_page_fits_eighty_columns_in_the_language_asked_for(
    asked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KOKUNAI_LANG", asked)
    pages = [["--help"], *([name, "--help"] for name in cli._COMMANDS)]
    pages += [["lab", name, "--help"] for name in ("up", "down", "env", "status")]
    for page in pages:
        assert _run(*page) == 0

        shown = capsys.readouterr().out
        assert max(map(outputs.width, shown.splitlines())) <= 80, page
        assert any("\u3040" <= letter <= "\u9fff" for letter in shown) is (asked != "en"), page
        assert ("show this message" in shown) is (asked != "ja"), page


USAGE = {
    ("nix",): ("コマンド nix はありません", "No such command 'nix'"),
    ("check",): ("'FILES...' がありません", "Missing argument 'FILES...'"),
    ("doctor", "--nix"): ("オプション --nix はありません", "No such option"),
    ("doctor", "more"): ("余分な引数があります: more", "unexpected extra argument"),
    ("summary", "--stack"): ("オプション --stack の使い方", "requires an argument"),
    ("lab", "up", "--hosts", "x"): ("'--hosts' の値が正しくありません", "Invalid value"),
}


@pytest.mark.parametrize("arguments", USAGE, ids=" ".join)
def test_a_wrong_command_line_is_answered_in_the_readers_language(
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    ja, en = USAGE[arguments]
    said = {}
    for asked in ("ja", "en", "both"):
        monkeypatch.setenv("KOKUNAI_LANG", asked)
        assert _run(*arguments) == 2
        said[asked] = capsys.readouterr().err

    assert {asked: ja in text for asked, text in said.items()} == {
        "ja": True,
        "en": False,
        "both": True,
    }
    assert en in said["en"]
    assert en in said["both"]


def test_an_unknown_language_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("KOKUNAI_LANG", "jp")

    assert _run("doctor") == 1

    assert "ja, en, both" in capsys.readouterr().err


def _summary(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
    **more: object,
) -> str:
    monkeypatch.setattr(outputs, "stack_outputs", lambda _: {**OUTPUTS, **more})
    assert _run("summary", *arguments) == 0
    return capsys.readouterr().out


def test_how_to_destroy_fits_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "Pulumi.yaml").write_text("name: kokunai\nstackConfigDir: stacks\n")
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text() + "# kokunai lab down\n")
    (tmp_path / "stacks").mkdir()
    for name, lab in (("local", "true"), ("trial", "true"), ("dev", "false")):
        text = f"config:\n  kokunai:environment:\n    lab: {lab}\n"
        (tmp_path / f"stacks/Pulumi.{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)

    last = {
        stack: _summary(monkeypatch, capsys, "--stack", stack).splitlines()[-1]
        for stack in ("local", "trial", "dev", "unknown")
    }

    assert last["local"].endswith("  make down")
    assert last["trial"].endswith("  make down STACK=trial")
    assert last["dev"].endswith("run -- pulumi destroy --stack dev")
    assert last["unknown"].endswith("run -- pulumi destroy --stack unknown")


def test_interrupted_operations_come_with_the_command_that_clears_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(ROOT)

    shown = _summary(monkeypatch, capsys, "--stack", "dev", interrupted=["creating train-0"])

    assert "creating train-0" in shown
    assert "pulumi refresh --clear-pending-creates --stack dev" in shown
    assert "clear-pending" not in _summary(monkeypatch, capsys, "--stack", "dev")


def test_the_summary_as_json_has_what_a_program_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("KOKUNAI_LANG", "ja")

    data = json.loads(_summary(monkeypatch, capsys, "--json"))

    assert list(data) == ["stack", "nodes", "verified", "counts", "interrupted", "next"]
    assert data["counts"] == {"pass": 1, "fail": 1, "not-verified": 1}
    assert data["verified"]["a-node-with-a-long-name-0"]["gpu_count"]["verdict"] == "pass"


def test_the_summary_in_one_language_has_no_word_of_the_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("KOKUNAI_LANG", "en")
    english = _summary(monkeypatch, capsys)
    monkeypatch.setenv("KOKUNAI_LANG", "ja")
    japanese = _summary(monkeypatch, capsys)

    assert english.isascii()
    assert not any(
        word in japanese for word in ("pass", "fail", "not-verified", "verified", "next")
    )
    assert all(word in japanese for word in ("合格", "不合格", "未検証", "GPU の数"))


STATE = {
    "deployment": {
        "resources": [
            {
                "type": "kokunai:ansible:Configuration",
                "inputs": {"pool": "train"},
                "outputs": {"verified": {"train-0": {"storage": {"verdict": "pass"}}}},
            },
            {"type": "kokunai:ansible:Configuration", "delete": True, "inputs": {"pool": "old"}},
        ],
        "pending_operations": [
            {"type": "creating", "resource": {"urn": "urn:pulumi:a::b::kokunai:sakura:Nfs::data"}}
        ],
    }
}


def test_verdicts_are_read_from_the_state_because_the_outputs_hold_their_number_only(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(outputs, "environment", lambda _: {})
    shown = {"nodes": {}, "verified": {"train": "1 pass"}, "private_key_file": "k"}

    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        held = STATE if "export" in command else shown
        return subprocess.CompletedProcess(command, 0, stdout=json.dumps(held), stderr="")

    monkeypatch.setattr(outputs.subprocess, "run", answer)

    found = outputs.stack_outputs("dev")

    assert found["verified"] == {"train": {"train-0": {"storage": {"verdict": "pass"}}}}
    assert found["interrupted"] == ["creating data"]


def test_a_check_as_json_says_for_each_file_what_is_wrong_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "bad.yaml").write_text(BROKEN["bad_cidr"].text)
    good = ROOT / "stacks/Pulumi.local.yaml"

    assert _run("check", "--json", str(good)) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert row == {
        "file": str(good),
        "ok": True,
        "problems": [],
        "settings_only": False,
        "pools": 1,
        "nodes": 2,
    }

    assert _run("check", "--json", str(good), str(tmp_path / "bad.yaml")) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["ok"] for row in rows] == [True, False]
    assert set(rows[1]["problems"][0]) == {"path", "ja", "en"}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        (
            "config: {kokunai:environment: {name: x, data_class: internal, pools: [{gpu: 1}]}}",
            {"access", "pools[0].name", "pools[0].gpu", "pools[0].site", "pools[0].node_count"},
        ),
        ("config: {kokunai:settings: {name: x, data_class: secret}}", {"access", "data_class"}),
        ("config: {kokunai:environment: {secure: v1:x}}", {""}),
    ],
)
def test_each_mistake_of_a_file_is_a_row_with_its_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, paths: set[str]
):
    file = tmp_path / "Pulumi.bad.yaml"
    file.write_text(text)

    assert _run("check", "--json", str(file)) == 1
    [row] = json.loads(capsys.readouterr().out)

    assert set(row) == {"file", "ok", "problems"}
    key = "config.kokunai:" + ("settings" if "settings" in text else "environment")
    assert {problem["path"] for problem in row["problems"]} == {
        f"{key}.{path}".removesuffix(".") for path in paths
    }
    assert all(str(file) not in problem["ja"] for problem in row["problems"] if paths != {""})
    assert all("\n" not in problem["ja"] for problem in row["problems"])


@pytest.mark.parametrize(
    ("text", "rows"),
    [("a: [", 1), ("config:\n  kokunai:environment:\n    name:　x\n", 1), ("{}", 1)],
)
def test_a_mistake_of_a_file_as_a_whole_is_a_row_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, rows: int
):
    file = tmp_path / "Pulumi.bad.yaml"
    file.write_text(text)

    assert _run("check", "--json", str(file)) == 1

    [row] = json.loads(capsys.readouterr().out)
    assert [problem["path"] in {"", "config"} for problem in row["problems"]] == [True] * rows


def test_a_check_says_what_the_rules_will_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    found = [Problem("hosts.ntp_servers[0]", "国外です", "is abroad")]
    monkeypatch.setattr(stack_files, "_refused_by_rules", lambda _: found)

    assert _run("check", str(ROOT / "stacks/Pulumi.local.yaml")) == 1

    shown = capsys.readouterr()
    assert "ok" not in shown.out
    assert "Pulumi.local.yaml: hosts.ntp_servers[0]: is abroad" in shown.err


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


@pytest.mark.parametrize(
    ("words", "skips"),
    [
        (("preview", "--stack", "dev"), "true"),
        (("--cwd", "..", "pre"), "true"),
        (("up",), "unset"),
        (("--stack", "preview", "up"), "unset"),
        (("destroy", "--stack", "preview"), "unset"),
        (("-m", "preview", "up"), "unset"),
    ],
)
def test_only_a_preview_goes_without_checkpoints(
    own_project: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], skips: str
):
    engine = own_project.parent / "official" / "pulumi"
    engine.write_text(
        '#!/bin/sh\n[ "$1" = version ] && exec echo v3.240.0\n'
        'echo "${PULUMI_SKIP_CHECKPOINTS:-unset}"\n'
    )
    monkeypatch.setenv("PATH", f"{engine.parent}:{os.environ['PATH']}")
    command = [Path(sys.executable).parent / "kokunai", "run", "--", "pulumi", *words]

    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ended.stdout.strip() == skips, ended.stderr
