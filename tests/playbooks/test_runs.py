"""Runs that cannot succeed: each says why in both languages and keeps what is known."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

from kokunai.errors import KokunaiError
from kokunai.plugin.ansible import places, run
from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.kind import Transition

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
LOOPBACK = {"node-1": "127.0.0.1"}


@pytest.fixture
def inputs(inputs_of, key: Path):
    """One host at a port of this machine where nobody listens."""
    made = inputs_of(LOOPBACK, key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        made["hosts"][0]["port"] = free.getsockname()[1]
    return made


async def test_a_host_that_does_not_answer_is_named(inputs, configure, operation):
    outputs, reasons = await configure(inputs)

    assert len(reasons) == 1
    assert "node-1 (127.0.0.1) に接続できません" in reasons[0]
    assert "Connection refused" in reasons[0]
    assert outputs["results"]["node-1"]["status"] == "unreachable"
    assert outputs["hostDigests"] == {}
    assert "pool train: 1/" in operation.statuses[0]


async def test_ssh_is_told_to_check_host_keys_before_anything_else(
    inputs, configure, tmp_path, monkeypatch
):
    program = tmp_path / "bin/ssh"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> {tmp_path}/said\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    await configure(inputs)

    # Of an option given twice ssh takes the first.
    said = (tmp_path / "said").read_text().splitlines()
    asked = [one for one in said if one.startswith("StrictHostKeyChecking")]
    assert set(asked) == {"StrictHostKeyChecking=accept-new"}


async def test_a_refresh_of_a_silent_host_keeps_the_state_and_warns(inputs, operation):
    state = {"results": {"node-1": {"status": "ok"}}, "drift": {}, "verified": {"node-1": {}}}

    found = await Configuration().read(operation, Transition("x", state, inputs))

    assert found.outputs == state
    assert found.inputs == inputs
    assert "could not be checked" in operation.warnings[0]


async def test_time_that_is_up_ends_the_run(inputs, configure, operation):
    operation.seconds = 0.5

    outputs, reasons = await configure(inputs)

    assert "timed out" in reasons[0]
    assert outputs["results"]["node-1"]["status"] == "interrupted"


async def test_a_broken_playbook_says_what_is_broken(inputs, configure, operation, tmp_path):
    broken = shutil.copytree(PLAYBOOKS, tmp_path / "playbooks")
    with (broken / "site.yml").open("a") as site:
        site.write("    - role: no_such_role\n")
    operation.config["playbooksDirectory"] = str(broken)

    _, reasons = await configure(inputs)

    assert "the role 'no_such_role' was not found" in reasons[0]


async def test_a_check_run_that_never_began_is_no_drift(inputs, operation, tmp_path):
    broken = shutil.copytree(PLAYBOOKS, tmp_path / "playbooks")
    with (broken / "site.yml").open("a") as site:
        site.write("    - role: no_such_role\n")
    operation.config["playbooksDirectory"] = str(broken)
    state = {"results": {"node-1": {"status": "ok"}}, "drift": {}, "verified": {"node-1": {}}}

    found = await Configuration().read(operation, Transition("x", state, inputs))

    assert found.outputs == state
    assert "the role 'no_such_role' was not found" in operation.warnings[0]


async def test_a_locale_that_is_not_installed_stops_no_run(inputs, configure, monkeypatch):
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "LANGUAGE"):
        monkeypatch.setenv(name, "ja_JP.eucJP")

    outputs, _ = await configure(inputs)

    assert outputs["results"]["node-1"]["status"] == "unreachable"


async def test_a_key_that_is_missing_is_told_before_anything_starts(inputs, configure):
    with pytest.raises(KokunaiError) as refusal:
        await configure({**inputs, "privateKeyFile": "/nowhere/id"})

    assert "ssh-keygen -t ed25519" in refusal.value.en
    assert "がありません" in refusal.value.ja


def test_a_key_others_can_read_is_refused_with_the_cure(key: Path):
    key.chmod(0o644)

    with pytest.raises(KokunaiError, match=f"chmod 600 {key}"):
        places.private_key(str(key))


async def test_a_refresh_without_the_key_keeps_the_state(inputs, operation):
    state = {"results": {"node-1": {"status": "ok"}}}

    found = await Configuration().read(
        operation, Transition("x", state, {**inputs, "privateKeyFile": "/nowhere/id"})
    )

    assert found.outputs == state
    assert "were not checked" in operation.warnings[0]


async def test_a_refresh_of_a_host_with_another_key_keeps_no_verdict(
    inputs, operation, monkeypatch
):
    async def another_key(*_):
        return {"node-1"}

    monkeypatch.setattr("kokunai.plugin.ansible.configuration.rekeyed", another_key)
    judged = {"node-1": {"gpu_count": {"verdict": "pass"}}}
    state = {"results": {"node-1": {"status": "ok"}}, "verified": judged}

    found = await Configuration().read(operation, Transition("x", state, inputs))

    assert found.outputs["drift"] == {"node-1": ["hostKeys"]}
    assert found.outputs["verified"] == {"node-1": {}}


async def test_a_run_that_does_not_end_when_asked_is_forced_and_told(
    inputs, configure, operation, monkeypatch
):
    started = []

    async def start(_):
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", "trap '' TERM; echo; exec sleep 600"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        # From this line on it ignores the signal.
        await process.stdout.readline()
        operation.stop.set()
        started.append(process)
        return process

    monkeypatch.setattr(run, "_start", start)
    monkeypatch.setattr(run, "GRACE_SECONDS", 0.2)

    outputs, reasons = await configure(inputs)

    assert started[0].returncode == -signal.SIGKILL
    assert "cut short" in reasons[0]
    assert outputs["results"]["node-1"]["status"] == "interrupted"


async def test_a_configuration_cannot_be_imported(operation):
    with pytest.raises(KokunaiError, match="cannot be imported"):
        await Configuration().read(operation, Transition("x"))


async def test_deleting_starts_nothing_and_needs_no_key(inputs, operation, monkeypatch):
    async def refused(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refused)
    state = {**inputs, "results": {"node-1": {"status": "failed"}}, "drift": {"node-1": ["x"]}}

    await Configuration().delete(
        operation, Transition("x", {**state, "privateKeyFile": "/nowhere/id"}, inputs)
    )

    assert operation.infos == operation.statuses == operation.warnings == []


def test_paths_count_from_the_folder_of_the_project(tmp_path: Path, monkeypatch):
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    (tmp_path / "plays").mkdir()
    (tmp_path / "plays/site.yml").touch()
    monkeypatch.chdir(tmp_path / "stacks")

    found = places.configured_playbook({"playbooksDirectory": "plays"})

    assert found == tmp_path / "plays/site.yml"


def test_a_missing_playbook_names_the_setting(tmp_path: Path):
    with pytest.raises(KokunaiError, match="playbooksDirectory"):
        places.configured_playbook({"playbooksDirectory": str(tmp_path)})


def test_a_machine_without_ssh_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(KokunaiError, match="install the OpenSSH client"):
        places.require_programs()
