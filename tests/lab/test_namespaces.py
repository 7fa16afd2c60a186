"""An ordinary user's commands go where the hosts are, and start nothing that they do not need."""

from __future__ import annotations

import pytest

from kokunai.cli import namespaces
from kokunai.lab import hosts
from kokunai.lab.hosts import choosing, rootless
from kokunai.lab.machines import HOST_KINDS
from kokunai.lab.state_file import SavedState, write_state_file


@pytest.fixture
def run_again(monkeypatch):
    """Commands that replaced this one, of a user who is not root."""
    seen = []
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(namespaces.os, "execvp", lambda program, _: seen.append(program))
    monkeypatch.setattr(hosts, "prepare", lambda *_: seen.append("prepare"))
    monkeypatch.setattr(rootless, "_start_holder", lambda _: seen.append("start") or 1)
    monkeypatch.setattr(rootless, "_holder", lambda _: None)
    return seen


@pytest.fixture
def directory(tmp_path):
    write_state_file(tmp_path, SavedState(hosts="rootless"))
    return tmp_path


def test_asking_a_stopped_lab_starts_nothing(run_again, directory):
    namespaces.enter(directory)

    assert run_again == []


def test_asking_a_started_lab_enters_without_building_anything(run_again, directory, monkeypatch):
    monkeypatch.setattr(rootless, "_holder", lambda _: 1)

    namespaces.enter(directory)

    assert run_again == ["nsenter"]


def test_removing_a_stopped_lab_enters_without_building_anything(run_again, directory):
    namespaces.enter(directory, start=True)

    assert run_again == ["start", "nsenter"]


def test_starting_a_lab_builds_what_it_needs_before_it_enters(run_again, directory):
    namespaces.enter_new(directory, "")

    assert run_again == ["prepare", "start", "nsenter"]


def test_root_and_a_lab_without_hosts_stay_where_they_are(run_again, directory, monkeypatch):
    namespaces.enter_new(directory, "none")
    monkeypatch.setattr(namespaces.os, "geteuid", lambda: 0)
    namespaces.enter(directory)

    assert run_again == []


@pytest.mark.parametrize(
    ("wanted", "possible", "prepared"),
    [
        ("", ["full", "light"], ["full"]),
        ("", ["light"], ["light"]),
        ("light", ["full", "light"], ["light"]),
        ("full", ["light"], []),
        ("rootless", ["rootless"], []),
        ("", ["rootless"], []),
        ("", [], []),
    ],
)
def test_what_the_kind_needs_is_built_before_the_lab_starts(
    monkeypatch, wanted, possible, prepared
):
    kinds = ("full", "light", "rootless")
    built = []
    monkeypatch.setattr(choosing, "probe", lambda: [(kind, kind in possible, "") for kind in kinds])
    monkeypatch.setattr(choosing, "prepare", lambda _, kind: built.append(kind))

    hosts.prepare_start(print, wanted)

    assert built == prepared


def test_the_command_offers_the_kinds_of_hosts_that_there_are():
    assert (*(kind for kind, _, _ in hosts.probe()), "none") == HOST_KINDS
