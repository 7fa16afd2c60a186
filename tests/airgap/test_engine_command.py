"""`kokunai engine` as people and Makefiles call it."""

import os
import shlex
import subprocess

import pytest
from click.testing import CliRunner

from kokunai.airgap.errors import AirgapError
from kokunai.cli.engine import engine as command
from kokunai.cli.engine import engine_environment


@pytest.fixture
def official(tmp_path, program, monkeypatch, cache):
    """An installed engine, first on PATH."""
    pulumi = program(tmp_path / "official" / "pulumi", "echo v3.240.0")
    program(tmp_path / "official" / "pulumi-language-python", "")
    monkeypatch.setenv("PATH", f"{pulumi.parent}:{os.defpath}")
    return pulumi


@pytest.fixture
def nothing(monkeypatch, cache, tmp_path):
    """Neither an engine nor a compiler."""
    monkeypatch.setattr("kokunai.airgap.search.shutil.which", lambda *_args, **_names: None)


def test_install_prints_nothing_but_the_path_of_the_engine(official):
    answer = CliRunner().invoke(command, ["install"])

    assert answer.exit_code == 0
    assert answer.stdout == f"{official}\n"


def test_status_says_which_engine_and_where_from(official):
    answer = CliRunner().invoke(command, ["status"])

    assert answer.stdout.splitlines() == [
        f"pulumi: {official}",
        "version: 3.240.0",
        "origin: path",
    ]


def test_status_without_an_engine_fails_and_builds_nothing(nothing, cache):
    answer = CliRunner().invoke(command, ["status"])

    assert answer.exit_code == 1
    assert "kokunai engine install" in answer.stderr
    assert not cache.exists()


def test_env_prints_what_a_shell_can_read(official, tmp_path, program, monkeypatch):
    program(tmp_path / "a b" / "pulumi", "echo v3.240.0")
    program(tmp_path / "a b" / "pulumi-language-python", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'a b'}:{os.defpath}")

    lines = CliRunner().invoke(command, ["env"]).stdout
    shell = subprocess.check_output(["sh", "-c", f"{lines} echo $PATH"], text=True)

    assert shell.strip() == f"{tmp_path / 'a b'}:{os.defpath}"
    assert all(shlex.split(line)[0] == "export" for line in lines.splitlines())


def test_install_without_a_way_to_an_engine_refuses(nothing):
    refusal = CliRunner().invoke(command, ["install"]).exception

    assert isinstance(refusal, AirgapError)


def test_an_unknown_source_is_refused_with_those_that_there_are(cache):
    answer = CliRunner().invoke(command, ["install", "--source", "download"])

    assert answer.exit_code == 2
    assert "'auto', 'path', 'build'" in answer.stderr


def test_the_command_line_gets_the_variables_for_pulumi(official):
    assert engine_environment()["PATH"].startswith(str(official.parent))
