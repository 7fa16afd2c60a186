"""A waiver by type and name holds in the program and in the pack, and a refusal prints its row."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from policy_examples import waivers_of

from kokunai_policy import Context, Refusal, Resource, guard, judge

TODAY = date(2026, 11, 24)
TYPE = "kokunai:ansible:Configuration"
BY_NAME = {
    "rule": "KN-NTP-01",
    "stack": "dev",
    "type": TYPE,
    "name": "train",
    "reason": "the clock is being registered",
    "requester": "sato",
    "approver": "suzuki",
    "ticket": "OPS-1",
    "expires": "2026-12-31",
}
IN_PROGRAM = {"stack": "dev::example"}
URN = "urn:pulumi:dev::example::kokunai:index:Environment$kokunai:index:NodeConfiguration"


def _configuration(name: str = "train", urn: str = "") -> Resource:
    variables = {"ntp_servers": ["pool.ntp.org"], "package_sources": [{"uri": "file:///a"}]}
    props = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "internal"},
        "variables": variables,
    }
    return Resource(TYPE, name, props, urn=urn)


def _waived(entry: dict[str, str], resource: Resource, stack: str = "") -> bool:
    context = Context(lab=True, today=TODAY, stack=stack, waivers=waivers_of({"waivers": [entry]}))
    [finding] = judge(resource, context)
    return finding.waiver is not None


def _both(entry: dict[str, str], name: str = "train", stack: str = "dev") -> tuple[bool, bool]:
    """Whether it waives in the program, which knows no URN, and in the pack."""
    urn = f"{URN}${TYPE}::{name}".replace(":dev:", f":{stack}:")
    return (
        _waived(entry, _configuration(name), f"{stack}::example"),
        _waived(entry, _configuration(name, urn)),
    )


@pytest.mark.parametrize(
    ("change", "name", "stack", "waived"),
    [
        ({}, "train", "dev", True),
        ({}, "train-2", "dev", False),
        ({}, "train", "prod", False),
        ({"name": "train*"}, "train-2", "dev", True),
        ({"name": "t*n"}, "train", "dev", True),
        ({"name": "train-*"}, "infer-0", "dev", False),
        ({"name": "tr.in"}, "train", "dev", False),
        ({"type": "kokunai:sakura:Server"}, "train", "dev", False),
        ({"rule": "KN-DNS-01"}, "train", "dev", False),
        ({"stack": "d*"}, "train", "dev", False),
        ({"name": "*"}, "train", "dev", False),
        ({"name": " ** "}, "train", "dev", False),
    ],
)
def test_program_and_pack_agree_on_a_waiver_by_type_and_name(change, name, stack, waived):
    assert _both({**BY_NAME, **change}, name, stack) == (waived, waived)


BROKEN = {
    "no type": ({"type": None}, "waivers[0].type"),
    "no stack": ({"stack": ""}, "waivers[0].stack"),
    "a star for the stack": ({"stack": "d*"}, "waivers[0].stack"),
    "a star for the type": ({"type": "kokunai:*"}, "waivers[0].type"),
    "a star alone": ({"name": "*"}, "waivers[0].name"),
    "a urn as well": ({"urn": URN}, "waivers[0].urn"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_place_that_is_not_clear_is_a_problem_and_waives_nothing(what):
    change, path = BROKEN[what]
    entry = {**BY_NAME, **change}

    assert [one.path for one in waivers_of({"waivers": [entry]}).problems(TODAY)] == [path]
    assert _both(entry) == (False, False)


def _refused() -> str:
    with pytest.raises(Refusal) as refused:
        guard([_configuration()], Context(lab=True, today=TODAY, **IN_PROGRAM))
    return str(refused.value)


def test_a_refusal_prints_the_row_which_waives_once_it_is_filled_in():
    shown = _refused()
    [row] = yaml.safe_load(shown[shown.index("- {") :])

    waivers = waivers_of({"waivers": [row]})
    filled = {**row, **{key: BY_NAME[key] for key in list(BY_NAME)[4:]}}
    assert {problem.path.rpartition(".")[2] for problem in waivers.problems(TODAY)} == {
        *("reason", "requester", "approver", "ticket", "expires")
    }
    assert _both(filled) == (True, True)
    assert "waivers" in shown


def test_a_finding_that_cannot_be_waived_comes_without_a_row():
    switch = Resource(
        "kokunai:sakura:Switch",
        "net",
        {"site": "mars", "zone": "is1a", "labels": {"data-class": "internal"}},
    )

    with pytest.raises(Refusal) as refused:
        guard([switch], Context(lab=True, today=TODAY))

    assert "waivers.yaml" not in str(refused.value)


def test_a_type_that_runs_code_gets_the_row_of_the_allowed_types():
    command = Resource("command:local:Command", "x", {"create": "date"})

    with pytest.raises(Refusal) as refused:
        guard([command], Context(today=TODAY, **IN_PROGRAM))

    shown = str(refused.value)
    assert "allowed_types" in shown.splitlines()[-3]
    assert yaml.safe_load(shown[shown.index("- {") :])[0]["type"] == "command:local:Command"


@pytest.mark.parametrize(
    ("asked", "there", "missing"),
    [("ja", "国内", "time server"), ("en", "time server", "国内"), ("both", "国内", "\0")],
)
def test_a_refusal_speaks_the_language_that_was_asked_for(monkeypatch, asked, there, missing):
    monkeypatch.setenv("KOKUNAI_LANG", asked)

    shown = _refused()

    assert there in shown
    assert missing not in shown
