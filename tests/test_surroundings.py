"""Our processes behave alike in every shell: foreign packages, proxies, homes and terminals."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest

from kokunai import surroundings
from kokunai.errors import KokunaiError
from kokunai.surroundings import direct_loopback

ROOT = Path(__file__).parents[1]
HELP = "from kokunai.cli import main; main(['--help'])"


def run(code: str, **environment: str | None) -> subprocess.CompletedProcess[bytes]:
    given = {**os.environ, **environment}
    variables = {name: value for name, value in given.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code], env=variables, capture_output=True, check=False
    )


@pytest.fixture
def old_packages(tmp_path: Path) -> str:
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("typing_extensions", "pydantic", "click", "yaml", "grpc", "httpx"):
        (folder / f"{name}.py").write_text("raise ImportError('of another century')\n")
    (folder / "only_here.py").write_text("answer = 42\n")
    return str(folder)


@pytest.mark.parametrize(
    "start",
    [
        "import kokunai.model",
        "import kokunai.plugin.registry",
        "import kokunai.lab.daemon",
        "import pulumi",
        "import only_here",
    ],
)
def test_an_old_package_on_pythonpath_hides_none_of_ours(old_packages: str, start: str):
    first = "from kokunai.surroundings import prefer_installed_packages as first; first(); "

    done = run(first + start, PYTHONPATH=old_packages)

    assert done.returncode == 0, done.stderr.decode()


def test_the_command_starts_where_pythonpath_has_old_packages(old_packages: str, tmp_path: Path):
    (tmp_path / "typing").mkdir()
    (tmp_path / "typing/typing_extensions.py").write_text("")
    code = "import sys; from kokunai.cli import main; main(['schema'])"

    done = run(code, PYTHONPATH=str(tmp_path / "typing"))

    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"{")


@pytest.mark.parametrize("words", [["--help"], ["schema"], ["check", "stacks/Pulumi.local.yaml"]])
def test_the_console_script_starts_where_pythonpath_has_old_packages(
    old_packages: str, words: list[str]
):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, name = scripts["kokunai"].partition(":")
    code = f"import os; os.chdir({str(ROOT)!r}); from {module} import {name}; {name}({words!r})"

    done = run(code, PYTHONPATH=old_packages)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp932", "euc_jp", "utf-8"])
def test_help_is_shown_on_every_terminal(encoding: str):
    done = run(HELP, PYTHONIOENCODING=encoding)

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"GPU clusters on domestic Japanese capacity" in done.stdout


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "corp.example, .local"}, "corp.example,.local,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "localhost"}, "localhost,127.0.0.1,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b,a"}, "a,b,127.0.0.1,localhost,::1"),
        ({"no_proxy": "*"}, "*"),
    ],
)
def test_loopback_joins_the_exceptions_in_both_spellings(given, expected):
    assert direct_loopback(given) == {"no_proxy": expected, "NO_PROXY": expected}


def test_the_exceptions_of_grpc_alone_are_kept_apart():
    made = direct_loopback({"no_grpc_proxy": "x", "no_proxy": "y"})

    assert made["no_grpc_proxy"] == "x,127.0.0.1,localhost,::1"
    assert made["no_proxy"] == "y,127.0.0.1,localhost,::1"


def test_the_proxy_for_the_real_api_stays_in_effect(monkeypatch):
    proxy = {"https_proxy": "http://proxy.example:3128"}
    for name, value in {**proxy, **direct_loopback(proxy)}.items():
        monkeypatch.setenv(name, value)

    assert urllib.request.proxy_bypass("127.0.0.1:22001")
    assert urllib.request.proxy_bypass("localhost")
    assert not urllib.request.proxy_bypass("secure.sakura.ad.jp")
    assert urllib.request.getproxies()["https"] == "http://proxy.example:3128"


def test_a_machine_without_a_home_is_told_what_to_set(monkeypatch):
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(surroundings.Path, "home", unknown)

    with pytest.raises(KokunaiError, match="HOME"):
        surroundings.home()
