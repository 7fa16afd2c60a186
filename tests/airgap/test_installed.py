"""Which installed programs are good enough, and what is said about the others."""

from pathlib import Path

import pytest

from kokunai.airgap.installed import find_go, find_official_host, find_pulumi
from kokunai.airgap.versions import read_version
from kokunai.airgap.wrapper import mark_as_ours
from kokunai.errors import Problem


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0", (3, 259, 0)),
        ("v3.260.0-alpha.x9f3c", (3, 260, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.25 linux/amd64", (1, 25, 0)),
        ("unknown", None),
    ],
)
def test_a_version_is_read_from_what_programs_print(text, version):
    assert read_version(text) == version


def test_an_engine_with_its_language_host_beside_it_is_taken(tmp_path, program):
    pulumi = program(tmp_path / "pulumi", "echo v3.225.0")
    program(tmp_path / "pulumi-language-python", "")

    found = find_pulumi(str(tmp_path))

    assert found.path == pulumi
    assert found.version == "3.225.0"


def test_an_engine_behind_a_link_is_taken_with_the_host_beside_the_original(tmp_path, program):
    program(tmp_path / "real" / "pulumi-language-python", "")
    original = program(tmp_path / "real" / "pulumi", "echo v3.300.1")
    link = tmp_path / "bin" / "pulumi"
    link.parent.mkdir()
    link.symlink_to(original)

    assert find_pulumi(str(link.parent)).path == link


def test_an_old_engine_is_refused_with_its_version_and_the_one_needed(tmp_path, program):
    program(tmp_path / "pulumi", "echo v3.224.9")
    program(tmp_path / "pulumi-language-python", "")

    found = find_pulumi(str(tmp_path))

    assert isinstance(found, Problem)
    assert "3.224.9" in found.ja
    assert "3.225.0" in found.en


def test_an_engine_without_its_language_host_is_refused(tmp_path, program):
    program(tmp_path / "pulumi", "echo v3.259.0")

    found = find_pulumi(str(tmp_path))

    assert isinstance(found, Problem)
    assert "came without pulumi-language-python" in found.en


@pytest.mark.parametrize("body", ["exit 3", "sleep 60", "printf '\\377 unknown'"])
def test_an_engine_that_tells_no_version_is_refused_with_its_path(
    tmp_path, program, monkeypatch, body
):
    monkeypatch.setattr("kokunai.airgap.versions.ANSWER_SECONDS", 0.5)
    pulumi = program(tmp_path / "pulumi", body)
    program(tmp_path / "pulumi-language-python", "")

    found = find_pulumi(str(tmp_path))

    assert isinstance(found, Problem)
    assert f"`{pulumi} version` does not tell a version" in found.en


def test_a_link_to_an_engine_that_is_gone_is_passed_over(tmp_path, program):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "pulumi").symlink_to(tmp_path / "gone")
    program(tmp_path / "new" / "pulumi-language-python", "")
    pulumi = program(tmp_path / "new" / "pulumi", "echo v3.259.0")

    assert find_pulumi(f"{tmp_path / 'old'}:{tmp_path / 'new'}").path == pulumi


def test_a_relative_folder_of_the_path_is_searched_too(tmp_path, program, monkeypatch):
    pulumi = program(tmp_path / "bin" / "pulumi", "echo v3.259.0")
    program(tmp_path / "bin" / "pulumi-language-python", "")
    monkeypatch.chdir(tmp_path)

    assert find_pulumi("bin").path == pulumi


def test_what_this_project_placed_on_the_path_is_not_taken_for_an_official_engine(
    tmp_path, program
):
    program(tmp_path / "pulumi", "echo v3.259.0")
    program(tmp_path / "pulumi-language-python", "")
    mark_as_ours(tmp_path)

    assert isinstance(find_pulumi(str(tmp_path)), Problem)
    assert find_official_host(None, str(tmp_path)) is None


def test_an_old_go_is_refused_with_its_version(tmp_path, program, monkeypatch):
    go = program(tmp_path / "go", "echo go version go1.24.9 linux/amd64")
    monkeypatch.setenv("PATH", str(tmp_path))

    found = find_go()

    assert isinstance(found, Problem)
    assert str(go) in found.ja
    assert "Go 1.26.6 or newer" in found.en


def test_the_version_of_go_is_asked_outside_of_the_project(tmp_path, program, monkeypatch):
    asked = tmp_path / "asked"
    program(tmp_path / "go", f"pwd > {asked}; echo go version go1.26.6 linux/amd64")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.chdir(Path(__file__).parent)

    assert find_go().path == tmp_path / "go"
    assert asked.read_text().strip() != str(Path(__file__).parent)
