"""The bundle's controller side: what it renders, leaves alone, refuses and never shows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kokunai.plugin.contract import answer

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
TEMPLATES = {
    "etc/plain.conf.j2": "{{ managed_header }}\nx={{ x }}\n{% if x %}\ny=1\n{% endif %}\n",
    "etc/net/one.conf.j2": "{{ managed_header }}\n{{ item.name }} {{ x }}\n",
    "etc/secret.conf.j2": "{{ managed_header }}\n{{ secret }}\n",
}


def _play(folder: Path, files, variables, templates=None):
    """Run one bundle task on this machine, below `folder`/root."""
    for name, text in (templates or TEMPLATES).items():
        template = folder / "templates" / name
        template.parent.mkdir(parents=True, exist_ok=True)
        template.write_text(text)
    task = {"name": "Bundle", "file_bundle": {"root": str(folder / "root"), "files": files}}
    play = {"hosts": "all", "gather_facts": False, "vars": variables, "tasks": [task]}
    (folder / "play.json").write_text(json.dumps([play]))
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ANSIBLE_LIBRARY": str(PLAYBOOKS / "library"),
        "ANSIBLE_ACTION_PLUGINS": str(PLAYBOOKS / "action_plugins"),
        "ANSIBLE_FILTER_PLUGINS": str(PLAYBOOKS / "filter_plugins"),
        "ANSIBLE_HOME": str(folder / "home"),
    }
    command = ["ansible-playbook", "-vvv", "--diff", "-c", "local", "-i", "localhost,"]
    return subprocess.run(
        [*command, "-e", f"ansible_python_interpreter={sys.executable}", folder / "play.json"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_kind_of_item_in_one_bundle(tmp_path: Path):
    each = [{"name": "eth1"}, {"name": "eth2"}]
    files = [
        {"path": "/etc/plain.conf"},
        {"path": "/etc/net/{name}.conf", "template": "etc/net/one.conf.j2", "each": each},
        {"path": "/etc/left.conf", "leave": True},
        {"path": "/etc/gone.conf", "absent": True},
        {"path": "/etc/secret.conf", "mode": "0600", "secret": True},
    ]

    ended = _play(tmp_path, files, {"x": 7, "secret": "correct-horse"})

    etc = tmp_path / "root/etc"
    assert ended.returncode == 0, ended.stdout
    assert sorted(str(path.relative_to(etc)) for path in etc.rglob("*.conf")) == [
        "net/eth1.conf",
        "net/eth2.conf",
        "plain.conf",
        "secret.conf",
    ]
    header, english, *lines = (etc / "plain.conf").read_text().splitlines()
    assert header.startswith("# Kokunai が管理しています")
    assert "Managed by Kokunai" in english
    assert lines == ["x=7", "y=1"]
    assert (etc / "net/eth2.conf").read_text().endswith("eth2 7\n")
    assert (etc / "secret.conf").read_text().endswith("correct-horse\n")
    assert "correct-horse" not in ended.stdout + ended.stderr


def test_a_secret_that_goes_is_not_shown_on_its_way(tmp_path: Path):
    held = tmp_path / "root/etc/secret.conf"
    held.parent.mkdir(parents=True)
    held.write_text("correct-horse\n")

    ended = _play(tmp_path, [{"path": "/etc/secret.conf", "absent": True, "secret": True}], {})

    assert ended.returncode == 0, ended.stdout
    assert not held.exists()
    assert "/etc/secret.conf" in ended.stdout
    assert "correct-horse" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"path": "/etc/plain.conf", "onwer": "root"}, "unknown keys ['onwer']"),
        ({"path": "/etc/plain.conf"}, "etc/plain.conf.j2: 'x' is undefined"),
        ({"path": "/etc/nothing.conf"}, "etc/nothing.conf.j2"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(tmp_path: Path, item, said):
    ended = _play(tmp_path, [item], {})

    assert ended.returncode != 0
    assert said in ended.stdout + ended.stderr
    assert not (tmp_path / "root").exists()


SOURCES = "etc/apt/sources.list.d/kokunai.sources"
SOURCE = {
    "uri": "https://mirror.test/debian",
    "suites": ["bookworm", "bookworm-updates"],
    "components": ["main"],
    "signed_by": "/usr/share/keyrings/own.gpg",
}


@pytest.mark.parametrize(
    ("components", "said"),
    [(["main", "contrib"], ""), (["main\nTrusted: yes"], "U+000A"), (["main contrib"], "1 語")],
)
def test_a_list_of_words_stays_one_line_of_the_file(tmp_path: Path, components, said):
    template = PLAYBOOKS / "roles/base/templates" / f"{SOURCES}.j2"
    sources = [{**SOURCE, "components": components}]

    ended = _play(
        tmp_path,
        [{"path": f"/{SOURCES}"}],
        {"base_package_sources": sources},
        {f"{SOURCES}.j2": template.read_text(encoding="utf-8")},
    )

    written = tmp_path / "root" / SOURCES
    assert (ended.returncode != 0, written.exists()) == (bool(said), not said), ended.stdout
    assert said in ended.stdout + ended.stderr
    if not said:
        assert "Components: main contrib\nSigned-By: /usr" in written.read_text(encoding="utf-8")


@pytest.mark.parametrize("owner", ["0123456789abcdef", ""])
def test_a_host_is_marked_as_the_look_at_hosts_of_a_contract_reads_it(tmp_path: Path, owner: str):
    role = PLAYBOOKS / "roles/base"
    tasks = yaml.safe_load((role / "tasks/files.yml").read_text(encoding="utf-8"))
    [item] = [row for row in tasks[0]["file_bundle"]["files"] if row["path"].endswith("/owner")]
    template = (role / "templates/etc/kokunai/owner.j2").read_text(encoding="utf-8")

    ended = _play(tmp_path, [item], {"base_owner": owner}, {"etc/kokunai/owner.j2": template})

    assert ended.returncode == 0, ended.stdout
    written = tmp_path / "root/etc/kokunai/owner"
    assert written.exists() == bool(owner)
    line = next(row for row in answer.script().splitlines() if "owner=$(" in row)
    asked = f'{line.strip().replace("/etc/kokunai/owner", str(written))}; printf %s "$owner"'
    read = subprocess.run(["sh", "-c", asked], capture_output=True, text=True, check=True)
    assert read.stdout == owner
