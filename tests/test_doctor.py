"""What `kokunai doctor` says and installs, with a stand-in for apt-get."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from kokunai.cli.doctor import doctor
from kokunai.errors import KokunaiError


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that notes what it is asked; two packages are missing."""
    program = tmp_path / "apt-get"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\ntest ! -e {tmp_path}/broken\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    monkeypatch.setattr("kokunai.lab.hosts.missing_packages", lambda _kind: ["nftables", "uidmap"])
    return tmp_path / "log"


def test_root_installs_what_is_missing_and_waits_for_another_apt(apt, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)

    answer = CliRunner().invoke(doctor, ["--install"])

    update, install = apt.read_text().splitlines()
    assert answer.exit_code == 0
    assert update.startswith("update")
    assert "nftables uidmap" in install
    assert "DPkg::Lock::Timeout=300" in install


def test_an_ordinary_user_is_told_what_to_run(apt, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    answer = CliRunner().invoke(doctor, ["--install"])

    assert answer.exit_code == 1
    assert "sudo apt-get install -y --no-install-recommends nftables uidmap\n" in answer.output
    assert not apt.exists()


def test_a_failed_installation_is_said_in_both_languages(apt, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (apt.parent / "broken").touch()

    refusal = CliRunner().invoke(doctor, ["--install"]).exception

    assert isinstance(refusal, KokunaiError)
    assert "apt-get で入れられませんでした" in refusal.ja


def test_a_machine_that_has_all_of_it_is_ready(monkeypatch):
    monkeypatch.setattr("kokunai.lab.hosts.missing_packages", lambda _kind: [])

    answer = CliRunner().invoke(doctor)

    assert answer.exit_code == 0
    assert "has what the lab needs" in answer.output


@pytest.mark.parametrize("missing", [[], ["nftables"]])
def test_as_json_it_says_what_is_missing_and_how_to_install_it(monkeypatch, missing):
    monkeypatch.setattr("kokunai.lab.hosts.missing_packages", lambda _kind: missing)

    answer = CliRunner().invoke(doctor, ["--json"])

    found = json.loads(answer.stdout)
    assert answer.exit_code == len(missing)
    assert (found["ready"], found["missing"]) == (not missing, missing)
    assert found["install"].endswith("nftables") is bool(missing)
