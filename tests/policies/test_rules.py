"""A rule is one file; what cannot be stops the rules before they judge anything."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kokunai_policy import rule_files, rulebook, tables
from kokunai_policy.levels import levels

POLICIES = Path(__file__).parents[2] / "policies"
README = POLICIES / "README.md"

STOCK = """
level: medium
group: sources
applies: ["kokunai:ansible:Configuration"]
ja: ログは国内へ送ること
en: logs are sent to known domestic hosts
check: known_hosts
parameters: {variable: log_servers, use: api, ja: ログの送り先, en: log server}
good: [{type: a, props: {}}]
bad: [{type: a, props: {}}]
"""
OWN = """
level: low
group: labels
applies: [custom]
ja: 名前は短いこと
en: names are short
judge: naming.judge_name
good: [{type: a, props: {}}]
bad: [{type: a, props: {}}]
"""
NAMING = """
from kokunai_policy.verdicts import Judgement, Verdict


def judge_name(inspected):
    if len(inspected.resource.name) > 8:
        yield Judgement(Verdict.FAIL, "name", "長い名前です", "the name is long")
"""
JUDGE = """
import json, sys
from kokunai_policy import Context, Resource, judge

type_, name, props = json.loads(sys.argv[1])
print(json.dumps([[row.rule, row.level.value, row.path] for row in judge(
    Resource(type_, name, props), Context(lab=True))]))
"""


@pytest.fixture
def with_files(tmp_path):
    """Runs Python on a copy of the package that differs by the given files alone."""
    copy = tmp_path / "kokunai_policy"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(POLICIES / "kokunai_policy", copy, ignore=ignored)
    shutil.copy(POLICIES / "__main__.py", tmp_path)

    def run(files, *arguments):
        for name, text in files.items():
            assert not (copy / "rules" / name).exists()
            (copy / "rules" / name).write_text(text)
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=60,
        )

    return run


CONFIGURATION = {
    "site": "sakura-ishikari",
    "labels": {"data-class": "internal"},
    "variables": {"ntp_servers": ["ntp.nict.jp"], "log_servers": ["logs.example.com"]},
}


def judged(with_files, files, *resource):
    ended = with_files(files, "-c", JUDGE, json.dumps(resource))
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_rule_with_a_stock_check_is_one_file(with_files):
    given = "kokunai:ansible:Configuration", "train", CONFIGURATION

    assert judged(with_files, {}, *given) == []
    assert judged(with_files, {"KN-LOG-01.yaml": STOCK}, *given) == [
        ["KN-LOG-01", "medium", "variables.log_servers[0]"]
    ]


def test_a_rule_of_its_own_is_one_file_and_a_function(with_files):
    files = {"KN-NAM-01.yaml": OWN, "naming.py": NAMING}
    props = {"region": "ap-northeast-1"}

    assert judged(with_files, files, "aws:s3/bucket:Bucket", "long-name", props) == [
        ["KN-NAM-01", "low", "name"]
    ]


BROKEN = {
    "an unknown group": (STOCK.replace("sources", "weather"), "no group weather"),
    "an unknown level": (STOCK.replace("medium", "grave"), "level"),
    "an unknown kind": (OWN.replace("[custom]", "[anything]"), "applies to anything"),
    "an unknown check": (STOCK.replace("known_hosts", "no_such_check"), "no_such_check"),
    "a parameter too many": (STOCK.replace("use: api", "use: api, x: 1"), "'x'"),
    "no such function": (OWN.replace("naming.judge_name", "sites.judge_moon"), "judge_moon"),
    "no such module": (OWN, "naming"),
    "a key too many": (STOCK + "owner: sato\n", "owner"),
    "two ways to judge": (STOCK + "judge: sites.judge_site\n", "judge or check"),
    "no bad example": (STOCK.replace("bad: [{type: a, props: {}}]", "bad: []"), "bad"),
    "no YAML": ("level: [", "KN-LOG-01"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_rule_file_stops_everything(with_files, what):
    text, reason = BROKEN[what]
    resource = ["aws:s3/bucket:Bucket", "x", {"region": "ap-northeast-1"}]

    ended = with_files({"KN-LOG-01.yaml": text}, "-c", JUDGE, json.dumps(resource))

    assert ended.returncode != 0
    assert "BrokenRule: KN-LOG-01" in ended.stderr
    assert reason in ended.stderr


def test_a_pack_with_a_rule_of_an_unknown_group_does_not_start(with_files):
    text = STOCK.replace("sources", "weather")

    ended = with_files({"KN-LOG-01.yaml": text}, "__main__.py")

    assert ended.returncode != 0
    assert "KN-LOG-01: no group weather" in ended.stderr
    assert ended.stdout == ""


def test_every_rule_has_texts_in_both_languages_and_a_judge():
    rules = rulebook.rules()

    assert set(rules) == set(levels()) == {row.id for row in rule_files.rows()}
    assert all(rule.ja and rule.en and callable(rule.judge) for rule in rules.values())


KINDS = {
    ("kokunai:sakura:Switch", True): {"KN-LOC-01", "KN-CLS-01", "KN-ESC-08", "KN-ESC-09"},
    ("kokunai:index:GpuNodePool", False): set(),
    ("pulumi:pulumi:Stack", False): {"KN-STA-01", "KN-STA-02", "KN-ESC-07"},
    ("pulumi:providers:aws", True): {"KN-OPR-01"},
    ("command:local:Command", True): {"KN-ESC-01", "KN-ESC-08"},
    ("aws:s3/bucket:Bucket", True): {"KN-ESC-08"},
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_only_the_rules_that_concern_a_type_are_asked(kind):
    type_, custom = kind

    asked = {rule.id for rule in rulebook.rules_for(type_, custom=custom)}

    assert asked == {"KN-LOC-02", "KN-LOC-06", *KINDS[kind]}


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_the_table_in_the_readme_is_the_rules_own(name):
    text = README.with_name(name).read_text(encoding="utf-8")

    assert tables.with_table(text) == text


def test_a_table_without_marks_is_refused():
    with pytest.raises(ValueError, match="marks"):
        tables.with_table("# nothing\n")
