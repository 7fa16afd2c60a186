"""The playbooks keep the house's rules; ansible-lint holds its strictest profile."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kokunai import language
from kokunai.plugin.ansible.configuration import Configuration

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "playbooks"
PROGRAMS = Path(sys.executable).parent
TASK_FILES = sorted(PLAYBOOKS.glob("roles/*/*/*.yml"))
SPECS = sorted(PLAYBOOKS.glob("roles/*/meta/argument_specs.yml"))


def test_ansible_lint_finds_nothing():
    ended = subprocess.run(
        [PROGRAMS / "ansible-lint", "--offline", "--nocolor", "playbooks/site.yml"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_role_of_the_play_types_its_variables():
    play = yaml.safe_load((PLAYBOOKS / "site.yml").read_text(encoding="utf-8"))[0]

    assert {entry["role"] for entry in play["roles"]} == {one.parts[-3] for one in SPECS}


def test_a_host_that_hangs_fails_well_before_the_time_of_all_is_up():
    play = yaml.safe_load((PLAYBOOKS / "site.yml").read_text(encoding="utf-8"))[0]
    roles = "".join(path.read_text(encoding="utf-8") for path in TASK_FILES)
    for_locks = [int(seconds) for seconds in re.findall(r"lock_timeout: (\d+)", roles)]

    assert 2 * max(for_locks) < play["timeout"] <= Configuration.default_timeout_seconds / 2


def _described(options):
    for name, option in options.items():
        yield name, option
        yield from _described(option.get("options", {}))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parts[-3])
def test_every_variable_has_a_type_and_a_sentence(path: Path):
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]

    for name, option in _described(spec["options"]):
        assert option["type"], name
        assert option["description"].strip().endswith("."), name


@pytest.mark.parametrize("path", TASK_FILES, ids=lambda path: "/".join(path.parts[-3:]))
def test_tasks_use_builtin_modules_and_our_bundle_alone(path: Path):
    text = path.read_text(encoding="utf-8")
    modules = set(re.findall(r"^  (?:  )*([a-z_]+\.[a-z_]+\.[a-z_0-9]+):", text, re.MULTILINE))

    assert all(module.startswith("ansible.builtin.") for module in modules)


def _named(tasks):
    """Every play, task and handler with its name, those in blocks included."""
    for task in tasks or []:
        yield task.get("name", f"without a name: {task}")
        for part in ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks", "handlers"):
            yield from _named(task.get(part))


@pytest.mark.parametrize("path", [PLAYBOOKS / "site.yml", *TASK_FILES], ids=str)
def test_every_task_is_named_in_both_languages(path: Path):
    if path.parent.name not in {"tasks", "handlers", "playbooks"}:
        return
    for name in _named(yaml.safe_load(path.read_text(encoding="utf-8"))):
        ja, en = language.halves(name)

        assert ja != en, name
        # Polite like every other sentence, and a sentence of its own in each language.
        assert re.search("(ます|です)$", ja), name
        assert re.match("[A-Z]", en), name


def test_every_template_lies_where_its_file_lands():
    for template in PLAYBOOKS.glob("roles/*/templates/**/*.j2"):
        role = PLAYBOOKS / "roles" / template.relative_to(PLAYBOOKS / "roles").parts[0]
        lands = str(template.relative_to(role / "templates")).removesuffix(".j2")
        tasks = "".join(path.read_text(encoding="utf-8") for path in role.glob("tasks/*.yml"))

        assert f"path: /{lands}\n" in tasks or f"template: {lands}.j2\n" in tasks


@pytest.mark.parametrize("word", ["pool.ntp.org", "ntp.nict.jp", "8.8.8.8", "deb.debian.org"])
def test_no_role_names_a_server_of_its_own(word: str):
    kinds = (".yml", ".j2", ".py")
    files = [path for path in PLAYBOOKS.rglob("*") if path.suffix in kinds]

    assert not any(word in path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("1", True),
        ("=mlx5_0,mlx5_1", True),
        ("'eth1'", False),
        ('"1"', False),
        ("1 ", False),
        ("1\n", False),
        ("x" * 1024, False),
    ],
)
def test_the_nccl_role_takes_what_the_library_reads_as_meant(tmp_path: Path, value, accepted):
    tasks = yaml.safe_load((PLAYBOOKS / "roles/nccl/tasks/main.yml").read_text(encoding="utf-8"))
    given = {
        "nccl_environment": {"NCCL_IB_SL": value},
        "nccl_settings_file": "/etc/nccl.conf",
    }
    play = {"hosts": "all", "gather_facts": False, "vars": given, "tasks": tasks[:1]}
    (tmp_path / "play.json").write_text(json.dumps([play]))

    ended = subprocess.run(
        [PROGRAMS / "ansible-playbook", "-c", "local", "-i", "localhost,", tmp_path / "play.json"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode == 0) is accepted, ended.stdout


TEMPLATES = sorted(PLAYBOOKS.glob("roles/*/templates/**/*.j2"))
WHOLE_TEXTS = {"managed_header", "base_package_source_credentials"}
"""What may have several lines: our own header, and a secret that is a file's whole content."""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_value_in_a_template_stays_one_word_or_one_line(path: Path):
    written = re.findall(r"{{(.*?)}}", path.read_text(encoding="utf-8"))

    values = [text.strip() for text in written if text.strip() not in WHOLE_TEXTS]
    assert [text for text in values if "one_word" not in text and "one_line" not in text] == []
