"""The pack in the real engine: what it refuses stops a preview, once and in both languages."""

import json
import shutil
from pathlib import Path

import pytest

from kokunai.airgap.engine import find_or_build_engine
from support.pulumi_project import PlainProject

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
PACK = HERE.parents[1] / "policies"
LABELS = {"data-class": "internal"}
SWITCH = "kokunai:sakura:Switch"
CONFIGURATION = "kokunai:ansible:Configuration"
PLACE = {"site": "sakura-ishikari", "labels": LABELS}
LATER = {"$later": True}
VARIABLES = {
    "ntp_servers": ["ntp.nict.jp"],
    "package_sources": [{"uri": "http://jp.archive.ubuntu.com/ubuntu", "suites": ["noble"]}],
}
DOMESTIC = {**PLACE, "zone": "is1a"}


class Project(PlainProject):
    """A stack of plain resources."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, find_or_build_engine())
        shutil.copytree(HERE / "data" / "program", self.directory, dirs_exist_ok=True)
        self.write(
            "Pulumi.yaml",
            "name: example\nruntime: python\nplugins:\n  providers:\n"
            f"    - name: kokunai\n      path: {HERE / 'data' / 'provider'}\n",
        )
        self.environment.pop("SAKURA_API_ROOT_URL", None)
        self.run("stack", "init", "dev")

    def declare(self, *rows: tuple[str, str, dict]) -> None:
        named = [{"type": kind, "name": name, "props": props} for kind, name, props in rows]
        self.write("resources.json", json.dumps(named))

    def preview(self, *arguments: str) -> tuple[int, str]:
        return self.ended("preview", "--policy-pack", str(PACK), *arguments)


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def rules_in(output):
    return sorted(line.split()[0] for line in output.splitlines() if line.strip().startswith("KN-"))


def test_a_domestic_stack_passes(project):
    hosts = [{"name": "n1", "address": LATER, "serverId": LATER}]
    project.declare(
        (SWITCH, "net", DOMESTIC),
        (CONFIGURATION, "train", {**PLACE, "variables": VARIABLES, "hosts": hosts}),
    )

    code, output = project.preview()

    assert code == 0, output
    assert rules_in(output) == []


def test_foreign_time_missing_label_and_unknown_region_stop_the_preview_each_once(project):
    variables = {**VARIABLES, "ntp_servers": ["pool.ntp.org"]}
    project.declare(
        (CONFIGURATION, "train", {**PLACE, "variables": variables}),
        (SWITCH, "bare", {"site": "sakura-ishikari", "zone": "is1a"}),
        (SWITCH, "abroad", {**DOMESTIC, "zone": "zz9"}),
    )

    code, output = project.preview()

    assert code != 0
    assert rules_in(output) == ["KN-CLS-01", "KN-LOC-01", "KN-NTP-01"]
    for text in (
        "pool.ntp.org は国内の登録済みのものではありません",
        "the time server pool.ntp.org is not a known domestic one",
        "データ区分のラベル data-class がありません",
        "the label data-class is missing",
        "ゾーン zz9 は sakura-ishikari のものではありません",
        "zone zz9 does not belong to sakura-ishikari",
    ):
        assert output.count(text) == 1, text


def test_what_is_unknown_in_preview_is_refused_and_hides_nothing(project):
    project.declare(
        (SWITCH, "net", {**DOMESTIC, "zone": {"$later": True}, "description": "to us-east-1"})
    )

    code, output = project.preview()

    assert code != 0
    assert rules_in(output) == ["KN-LOC-01", "KN-LOC-06"]
    assert "can't run policy" not in output


def test_a_secret_that_breaks_a_rule_is_not_printed(project):
    project.declare((SWITCH, "net", {**DOMESTIC, "description": {"$secret": "pw-us-east-1"}}))

    code, output = project.preview("--diff")

    assert code != 0
    assert rules_in(output) == ["KN-LOC-06"]
    assert "us-east-1" not in output


def test_a_foreign_endpoint_in_the_environment_is_refused_once(project):
    project.environment["SAKURA_API_ROOT_URL"] = "https://api.example.com/"
    project.declare((SWITCH, "net", DOMESTIC))

    code, output = project.preview()

    assert code != 0
    assert rules_in(output) == ["KN-OPR-01"]


def test_an_update_without_preview_makes_nothing_that_is_refused(project):
    project.declare((SWITCH, "abroad", {**DOMESTIC, "zone": "zz9"}))

    code, _ = project.ended("up", "--yes", "--skip-preview", "--policy-pack", str(PACK))
    state = project.run("stack", "export")

    assert code != 0
    assert "abroad" not in state


def test_disabled_rules_are_told(project, tmp_path):
    levels = tmp_path / "levels.json"
    levels.write_text('{"all": "disabled"}')
    project.declare((SWITCH, "bare", {"site": "sakura-ishikari", "zone": "is1a"}))

    code, output = project.preview("--policy-pack-config", str(levels))

    assert code == 0
    assert "規則が設定で弱められています / rules are weakened" in output


def test_a_state_file_is_judged_without_its_program(project, tmp_path):
    project.declare((SWITCH, "net", DOMESTIC))
    project.up()
    exported = project.run("stack", "export")
    state = json.loads(exported)
    made = next(one for one in state["deployment"]["resources"] if one["type"] == SWITCH)
    for token in ("command:local:Command", "pulumi-python:dynamic:Resource", "vendor:index:Disk"):
        state["deployment"]["resources"].append(
            {
                "urn": f"urn:pulumi:dev::example::{token}::hidden",
                "custom": True,
                "external": True,
                "id": "x",
                "type": token,
                "inputs": {"note": "ap-northeast-2"},
                "outputs": {},
                "provider": made["provider"],
                "parent": made["parent"],
            }
        )
    file = tmp_path / "state.json"
    file.write_text(json.dumps(state))

    code, output = project.ended(
        "policy", "analyze", "--file", str(file), "--policy-pack", str(PACK)
    )

    assert code != 0
    assert rules_in(output) == [
        *["KN-ESC-01"] * 2,
        "KN-ESC-08",
        *["KN-LOC-06"] * 3,
    ]
