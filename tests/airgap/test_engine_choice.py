"""How an engine is chosen, built and kept."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from airgap_processes import ends_within, wait_for_text

from kokunai.airgap.cache import find_built, find_cache, keep
from kokunai.airgap.engine import find_engine, find_or_build_engine
from kokunai.airgap.versions import VERSION
from kokunai.errors import KokunaiError

# Answers as the compiler does: `go build ... -o FILE PACKAGE` makes a program with a version.
_GO = f"""
case "$1" in
  version) echo go version go1.26.8 linux/amd64 ;;
  mod) echo "$@" >> "$LOG" ;;
  build)
    echo "$@" >> "$LOG"
    echo "GOFLAGS=$GOFLAGS GOTMPDIR=$GOTMPDIR GOPROXY=$GOPROXY" >> "$LOG"
    while [ "$1" != "-o" ]; do shift; done
    printf '#!/bin/sh\\necho {VERSION}\\n' > "$2"
    chmod 755 "$2" ;;
esac
"""


@pytest.fixture
def go(tmp_path, program, monkeypatch, cache) -> Path:
    """A compiler on PATH that is done at once, and the log of what it was asked."""
    program(tmp_path / "go" / "go", _GO)
    monkeypatch.setenv("PATH", f"{tmp_path / 'go'}:{os.defpath}")
    monkeypatch.setenv("LOG", str(tmp_path / "go.log"))
    return tmp_path / "go.log"


@pytest.fixture
def no_go(monkeypatch, cache):
    monkeypatch.setattr("kokunai.airgap.installed.shutil.which", lambda *_args, **_names: None)


def test_with_neither_engine_nor_go_the_refusal_names_the_installer_and_go(no_go):
    with pytest.raises(KokunaiError) as refusal:
        find_or_build_engine()

    assert "pulumi が PATH にありません" in refusal.value.ja
    assert "https://www.pulumi.com/docs/install/" in refusal.value.ja
    assert "Go 1.26.6 or newer is missing" in refusal.value.en


def test_source_path_never_builds(go):
    with pytest.raises(KokunaiError):
        find_or_build_engine("path")

    assert not go.exists()


def test_an_installed_engine_is_taken_before_a_built_one(go, tmp_path, program, monkeypatch):
    find_or_build_engine()
    pulumi = program(tmp_path / "official" / "pulumi", "echo v3.240.0")
    program(tmp_path / "official" / "pulumi-language-python", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'official'}:{os.environ['PATH']}")

    engine = find_or_build_engine()

    assert (engine.pulumi, engine.origin) == (pulumi, "path")
    assert engine.environment() == {
        "PATH": os.environ["PATH"],
        "PULUMI_PYTHON_CMD": sys.executable,
    }


def test_the_python_that_somebody_named_stays(go, monkeypatch, tmp_path, program):
    program(tmp_path / "official" / "pulumi", "echo v3.240.0")
    program(tmp_path / "official" / "pulumi-language-python", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'official'}:{os.environ['PATH']}")

    added = find_or_build_engine().environment({"PULUMI_PYTHON_CMD": "python3.12"})

    assert added["PULUMI_PYTHON_CMD"] == "python3.12"


def test_the_engine_is_built_once_and_kept(go, cache):
    first = find_or_build_engine()
    second = find_or_build_engine()

    assert first == second
    assert go.read_text().count("build ") == 1
    assert subprocess.check_output([first.pulumi, "version"], text=True).strip() == VERSION
    assert [path.name for path in cache.glob(".building-*")] == []


def test_a_machine_of_another_kind_that_shares_the_cache_gets_its_own_engine(go, monkeypatch):
    find_or_build_engine()
    monkeypatch.setattr("kokunai.airgap.cache.platform.machine", lambda: "another")

    assert find_engine() is None


def test_the_compilers_settings_of_the_user_stay(go, monkeypatch):
    monkeypatch.setenv("GOFLAGS", "-modcacherw")
    monkeypatch.setenv("GOPROXY", "https://proxy.example.jp")

    find_or_build_engine()

    assert "GOFLAGS=-modcacherw -mod=mod " in go.read_text()
    assert "GOPROXY=https://proxy.example.jp" in go.read_text()


def test_the_compiler_works_in_a_directory_that_a_killed_build_does_not_leave(go, cache):
    find_or_build_engine()

    assert f"GOTMPDIR={cache}/.building-" in go.read_text()


def test_a_built_engine_has_our_language_host_beside_it(go):
    engine = find_or_build_engine()

    script = engine.pulumi.with_name("pulumi-language-python")
    assert os.access(script, os.X_OK)
    assert engine.environment({"PATH": "/bin"}) == {"PATH": f"{script.parent}:/bin"}


def test_an_environment_made_twice_names_the_engine_once(go):
    engine = find_or_build_engine()

    once = engine.environment({"PATH": "/bin"})

    assert engine.environment(once) == once


def test_our_language_host_never_stands_before_an_official_one(go, tmp_path, program, monkeypatch):
    program(tmp_path / "official" / "pulumi-language-python", "")
    monkeypatch.setenv("PATH", f"{tmp_path / 'official'}:{os.environ['PATH']}")

    engine = find_or_build_engine()

    assert engine.origin == "build"
    for directory in engine.directories:
        assert not (directory / "pulumi-language-python").exists()


def test_another_python_environment_gets_its_own_language_host(go, monkeypatch):
    first = find_or_build_engine()
    monkeypatch.setattr(sys, "prefix", "/somewhere/else")

    assert find_or_build_engine().directories != first.directories


def test_the_language_host_of_a_python_environment_that_is_gone_is_removed(go, monkeypatch):
    find_or_build_engine()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, "prefix", "/gone")
        elsewhere.setattr(sys, "executable", "/gone/bin/python")
        gone = find_or_build_engine().pulumi.parent
    monkeypatch.setattr(sys, "prefix", "/somewhere/else")

    assert find_engine()
    assert not gone.exists()


def test_a_build_says_first_why_the_installed_engine_will_not_do(
    go, tmp_path, program, monkeypatch, capsys
):
    program(tmp_path / "old" / "pulumi", "echo v3.100.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'old'}:{os.environ['PATH']}")

    find_or_build_engine()

    assert "pulumi is 3.100.0, and 3.225.0 or newer is needed.\n" in capsys.readouterr().err


def test_where_nothing_can_be_built_only_what_is_missing_is_named(go, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(KokunaiError) as refusal:
        find_or_build_engine()

    assert "There is no Pulumi engine: there is no pulumi on PATH. " in refusal.value.en


def test_an_engine_that_was_built_is_found_without_building(go):
    assert find_engine() is None

    built = find_or_build_engine()

    assert find_engine() == built


def test_a_failed_build_shows_the_end_of_the_compilers_output_and_keeps_nothing(
    tmp_path, program, monkeypatch, cache
):
    body = 'test "$1" = version && echo go version go1.26.8 && exit; echo no route to proxy; exit 1'
    program(tmp_path / "go" / "go", body)
    monkeypatch.setenv("PATH", f"{tmp_path / 'go'}:{os.defpath}")

    with pytest.raises(KokunaiError) as refusal:
        find_or_build_engine()

    assert "no route to proxy" in refusal.value.en
    assert find_built(cache) is None
    assert list(cache.glob(".building-*")) == []


def test_a_cache_that_cannot_be_written_is_refused_with_its_path(go, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    with pytest.raises(KokunaiError) as refusal:
        find_or_build_engine()

    assert f"{tmp_path / 'file'}/kokunai/engine にエンジンを置けません" in refusal.value.ja
    assert "XDG_CACHE_HOME" in refusal.value.en


def test_a_relative_cache_directory_is_ignored_as_the_specification_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")

    assert find_cache() == tmp_path / ".cache" / "kokunai" / "engine"


def test_a_build_that_calls_itself_something_else_is_not_kept(go, tmp_path, program, cache):
    program(tmp_path / "go" / "go", _GO.replace(VERSION, "v0.0.0"))

    with pytest.raises(KokunaiError) as refusal:
        find_or_build_engine()

    assert "0.0.0" in refusal.value.ja
    assert find_built(cache) is None


_SLOW = """
import sys, time
from pathlib import Path
from kokunai.airgap.cache import keep

def make(draft):
    file = draft / "pulumi"
    file.touch(mode=0o755)
    print("building", flush=True)
    time.sleep(float(sys.argv[2]))
    return file

print(keep(Path(sys.argv[1]), make), flush=True)
"""


def test_of_two_processes_one_builds_and_both_get_the_same_engine(tmp_path):
    command = [sys.executable, "-c", _SLOW, str(tmp_path / "cache"), "0.5"]

    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [run.communicate()[0].splitlines() for run in runs]

    assert sum("building" in answer for answer in answers) == 1
    assert answers[0][-1] == answers[1][-1]


def test_a_killed_build_leaves_nothing_that_is_taken_for_an_engine(tmp_path):
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", _SLOW, str(cache), "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        run.stdout.readline()
        run.kill()

    assert find_built(cache) is None
    assert keep(cache, lambda draft: Path(write_empty(draft / "pulumi")))
    assert list(cache.glob(".building-*")) == []


def test_the_compiler_ends_with_a_killed_build(tmp_path, program, cache, monkeypatch):
    slow = tmp_path / "pid"
    body = f'test "$1" = version && echo go version go1.26.8 && exit; echo $$ > {slow}; sleep 60'
    program(tmp_path / "go" / "go", body)
    command = [sys.executable, "-c", "from kokunai.airgap.engine import *; find_or_build_engine()"]
    environment = {**os.environ, "PATH": f"{tmp_path / 'go'}:{os.defpath}"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as run:
        pid = int(wait_for_text(slow))
        run.send_signal(signal.SIGKILL)

    assert ends_within(pid, seconds=5)


def write_empty(path: Path) -> Path:
    path.touch(mode=0o755)
    return path
