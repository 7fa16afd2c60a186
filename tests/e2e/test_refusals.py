"""What is wrong is refused in the preview, once, in both languages, without a traceback."""

from __future__ import annotations

import pytest

from support.broken_stack_files import BROKEN
from support.pulumi_project import STACK, Sandbox

# One that is no YAML, one with a problem in a field, one that breaks a rule among the fields; all
# the others are held in test_stack_file, without an engine.
WAYS = ("duplicate_key", "count_is_boolean", "overlapping_hosts")

UNLABELLED = """
import pulumi
from kokunai import resources

site = {"zone": "is1a", "site": "sakura-ishikari"}
pulumi.export("x", resources.Switch("bare", {"name": "bare", **site, "labels": {}}).id)
"""

UNKNOWN_REGION = """
import pulumi
from kokunai import resources

labels = {"data-class": "internal"}
where = {"zone": "us-east-1", "site": "moon-base"}
pulumi.export("x", resources.Switch("far", {"name": "far", **where, "labels": labels}).id)
"""


def _refused(sandbox: Sandbox) -> str:
    ended = sandbox.preview(check=False)
    assert ended.returncode != 0, ended.stdout
    assert "Traceback" not in ended.stdout
    return ended.stdout


def test_a_foreign_time_server_is_refused(sandbox: Sandbox):
    sandbox.environment["hosts"] = {"ntp_servers": ["time.google.com"]}

    shown = _refused(sandbox)

    assert shown.count("KN-NTP-01 (") == 1
    assert "国内" in shown
    assert "time.google.com" in shown
    # The pack, which never sees what the components refuse, does not look content either.
    assert "❌ kokunai-domestic-data" in shown
    assert "✅" not in shown


@pytest.mark.parametrize(
    ("program", "rule"),
    [(UNLABELLED, "KN-CLS-01"), (UNKNOWN_REGION, "KN-LOC-01")],
    ids=["unlabelled", "unknown_region"],
)
def test_a_program_of_ones_own_is_refused_too(sandbox: Sandbox, program: str, rule: str):
    (sandbox.root / "stacks/__main__.py").write_text(program)

    shown = _refused(sandbox)

    assert shown.count(f"{rule} (") == 1  # the row of a waiver to paste names it, too


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_stack_file_gives_one_message(closed_sandbox: Sandbox, way: str):
    broken = BROKEN[way]
    closed_sandbox.run("run", "--", "pulumi", "stack", "init", STACK)
    closed_sandbox.stack_path.write_text(broken.text)

    ended = closed_sandbox.pulumi("preview", check=False)

    said = ended.stdout.partition("Diagnostics:")[2].split("\n")
    assert ended.returncode != 0
    assert "Traceback" not in ended.stdout
    if broken.place == "YAML":
        # Pulumi reads the file before us, in its own words; `make up` has it checked before that.
        assert "getting stack configuration: " in ended.stdout
        assert _checked(closed_sandbox).count(f"Pulumi.{STACK}.yaml") == 2
    else:
        # Once in each language, not again for every resource or every layer.
        assert [line.count(broken.place) for line in said if broken.place in line] == [1, 1]
        assert broken.expected in ended.stdout


def _checked(sandbox: Sandbox) -> str:
    ended = sandbox.run("check", str(sandbox.stack_path), check=False)
    assert ended.returncode == 1
    return ended.stdout
