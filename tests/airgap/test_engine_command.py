"""`kokunai engine` as people and Makefiles call it."""

import os
import shlex
import subprocess
import sysconfig

import pytest
from click.testing import CliRunner

from kokunai.cli.engine import engine as command
from kokunai.cli.engine import engine_environment
from kokunai.errors import KokunaiError

SCRIPTS = sysconfig.get_path("scripts")


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
    monkeypatch.setattr("kokunai.airgap.installed.shutil.which", lambda *_args, **_names: None)


@pytest.fixture
def nothing_but_scripts(tmp_path, program, monkeypatch):
    """An engine beside the `python` of an environment that nobody activated."""
    pulumi = program(tmp_path / "env" / "pulumi", "echo v3.240.0")
    program(tmp_path / "env" / "pulumi-language-python", "")
    monkeypatch.setattr("kokunai.cli.engine.sysconfig.get_path", lambda _: str(pulumi.parent))
    return pulumi


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

    assert shell.strip() == f"{SCRIPTS}:{tmp_path / 'a b'}:{os.defpath}"
    assert all(shlex.split(line)[0] == "export" for line in lines.splitlines())


def test_install_without_a_way_to_an_engine_refuses(nothing):
    refusal = CliRunner().invoke(command, ["install"]).exception

    assert isinstance(refusal, KokunaiError)


def test_an_unknown_source_is_refused_with_those_that_there_are(cache):
    answer = CliRunner().invoke(command, ["install", "--source", "download"])

    assert answer.exit_code == 2
    assert "'auto', 'path', 'build'" in answer.stderr


def test_the_command_line_gets_the_variables_for_pulumi(official):
    assert engine_environment()["PATH"].startswith(f"{SCRIPTS}:{official.parent}:")


def test_an_engine_among_the_programs_of_this_python_is_found_although_it_is_not_on_the_path(
    nothing_but_scripts, cache
):
    answer = CliRunner().invoke(command, ["status"])

    assert f"pulumi: {nothing_but_scripts}\n" in answer.stdout
