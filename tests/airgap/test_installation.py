"""Which commands make a project's Python ready."""

import sys
from pathlib import Path

import pytest

from kokunai.airgap.language_host.install import describe_environment, plan_installation
from kokunai.airgap.language_host.interpreters import find_interpreter, name_virtualenv
from kokunai.errors import KokunaiError


def pip(python: Path | str, *wanted: str) -> list[str]:
    return [str(python), "-m", "pip", "install", "--disable-pip-version-check", *wanted]


def test_a_project_that_needs_nothing_is_ready(tmp_path, describe):
    assert plan_installation(describe(tmp_path), tmp_path, is_plugin=False) == []


def test_without_a_virtual_environment_the_ambient_python_gets_the_requirements(tmp_path, describe):
    (tmp_path / "requirements.txt").touch()

    plan = plan_installation(describe(tmp_path), tmp_path, is_plugin=False)

    assert plan == [pip(sys.executable, "-r", "requirements.txt")]


def test_a_virtual_environment_is_made_before_it_is_filled(tmp_path, describe):
    (tmp_path / "pyproject.toml").touch()
    environment = tmp_path / "env"

    plan = plan_installation(describe(tmp_path, virtualenv="env"), tmp_path, is_plugin=False)

    assert plan == [
        [sys.executable, "-m", "venv", str(environment)],
        pip(environment / "bin" / "python", "-e", "."),
    ]


def test_a_virtual_environment_that_is_there_is_only_filled(tmp_path, describe):
    (tmp_path / "requirements.txt").touch()
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    python.with_name("pip").touch()

    plan = plan_installation(describe(tmp_path, virtualenv="env"), tmp_path, is_plugin=False)

    assert plan == [pip(python, "-r", "requirements.txt")]


def test_a_virtual_environment_that_was_cut_short_is_made_again(tmp_path, describe):
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()

    plan = plan_installation(describe(tmp_path, virtualenv="env"), tmp_path, is_plugin=False)

    assert plan == [[sys.executable, "-m", "venv", str(tmp_path / "env")]]


def test_a_plugin_with_requirements_gets_a_virtual_environment_of_its_own(tmp_path, describe):
    (tmp_path / "requirements.txt").touch()

    plan = plan_installation(describe(tmp_path), tmp_path, is_plugin=True)

    assert plan[0] == [sys.executable, "-m", "venv", str(tmp_path / "venv")]


def test_a_plugin_without_one_runs_in_the_ambient_python(tmp_path, describe):
    assert find_interpreter(describe(tmp_path), is_plugin=True).executable == sys.executable


def test_uv_fills_its_own_environment(tmp_path, describe, program, monkeypatch):
    uv = program(tmp_path / "bin" / "uv", "")
    monkeypatch.setenv("PATH", str(uv.parent))
    monkeypatch.delenv("UV_PROJECT_ENVIRONMENT", raising=False)
    info = describe(tmp_path, toolchain="uv")

    assert plan_installation(info, tmp_path, is_plugin=False) == [[str(uv), "sync"]]
    assert name_virtualenv(info) == tmp_path / ".venv"


def test_uv_is_told_the_environment_the_project_names(tmp_path, describe):
    info = describe(tmp_path, toolchain="uv", virtualenv="env")

    assert describe_environment(info)["UV_PROJECT_ENVIRONMENT"] == str(tmp_path / "env")
    assert "UV_PROJECT_ENVIRONMENT" not in describe_environment(describe(tmp_path))


def test_a_missing_uv_is_refused(tmp_path, describe, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(KokunaiError) as refusal:
        plan_installation(describe(tmp_path, toolchain="uv"), tmp_path, is_plugin=False)

    assert "uv が PATH にありません" in refusal.value.ja


def test_the_python_that_the_user_names_is_the_ambient_one(tmp_path, describe, monkeypatch):
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "python3.12")

    assert find_interpreter(describe(tmp_path)).executable == "python3.12"


def test_an_active_virtual_environment_comes_first_on_the_path(tmp_path, describe):
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    interpreter = find_interpreter(describe(tmp_path, virtualenv="env"))

    active = interpreter.activate({"PATH": "/bin", "PYTHONHOME": "/elsewhere"})

    assert active == {
        "PATH": f"{python.parent}:/bin",
        "VIRTUAL_ENV": str(tmp_path / "env"),
    }
