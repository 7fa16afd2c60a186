"""A library user needs neither the lab's server nor the pack's host, and is told what lacks."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kokunai import extras
from kokunai.errors import KokunaiError

ROOT = Path(__file__).parents[2]
WITHOUT = "import sys; sys.modules.update(dict.fromkeys({names!r}));"


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _run(code: str, without: tuple[str, ...], *arguments: str | Path):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT.format(names=without) + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def _imported_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in requirements}


def test_the_extras_install_what_they_are_asked_for(project):
    for extra, modules in extras.MODULES.items():
        assert _imported_names(project["optional-dependencies"][extra]) == set(modules)
        assert _imported_names(project["dependencies"]).isdisjoint(modules)


def test_the_development_environment_has_every_extra(project):
    assert "kokunai[lab,policy]" in project["optional-dependencies"]["dev"]


def test_every_dependency_is_imported_somewhere_and_has_its_reason(project):
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    sources = "\n".join(
        path.read_text()
        for folder in ("components", "policies")
        for path in (ROOT / folder).rglob("*.py")
    )
    imported_as = {"pyyaml": "yaml", "ansible_core": "ansible-playbook"}

    for requirement in project["dependencies"]:
        name = _imported_names([requirement]).pop().lower()
        module = imported_as.get(name, name)
        assert re.search(rf"(from|import) {module}\b|\"{module}\"", sources), requirement
        assert any(re.match(rf'  "{re.escape(requirement)}", +# \w', line) for line in lines)


@pytest.mark.parametrize("extra", ["lab", "policy"])
def test_what_is_installed_is_not_complained_of(extra):
    extras.require(extra)


def test_a_missing_extra_is_named_with_the_command_in_both_languages(monkeypatch):
    monkeypatch.setitem(sys.modules, "pulumi_policy", None)

    with pytest.raises(KokunaiError) as refusal:
        extras.require("policy")

    for text in (refusal.value.ja, refusal.value.en):
        assert "pip install 'kokunai[policy]'" in text
        assert "pulumi_policy" in text


def test_the_lab_without_its_extra_says_so_before_it_starts_anything(tmp_path):
    code = "from kokunai.cli import main; main(sys.argv[1:])"

    ended = _run(code, ("uvicorn",), "lab", "up", "--directory", tmp_path / "lab")

    assert ended.returncode == 1
    assert "pip install 'kokunai[lab]'" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "lab").exists()


def test_the_rules_judge_without_the_host_of_the_pack():
    code = (
        "import kokunai_policy as p;"
        "r = p.Resource(type='kokunai:sakura:Server', name='a', props={});"
        "print(sorted({one.rule for one in p.judge(r, p.Context())}))"
    )

    ended = _run(code, ("pulumi_policy", "pulumi"))

    assert ended.returncode == 0, ended.stderr
    assert "KN-CLS-01" in ended.stdout


def test_components_are_imported_without_any_extra():
    code = "import kokunai.environment, kokunai.plugin.registry"

    ended = _run(code, ("starlette", "uvicorn", "pulumi_policy"))

    assert ended.returncode == 0, ended.stderr
