"""A project adds facts of its own, with owner and reason, and changes none of the catalogue's."""

from datetime import date

import pytest

from kokunai_policy import Context, Resource, judge, known_facts

WHO = {"owner": "sato", "reason": "contract 12"}
OPERATOR = {"ja": "社内", "en": "ourselves", "country": "JP", **WHO}
GOOD = {
    "operators": {"ourselves": OPERATOR},
    "hosts": {"time": [{"host": "ntp.example.jp", "operator": "ourselves", **WHO}]},
    "packages": {"vendor": {"location_keys": ["region"], **WHO}},
}


def rules_of(type_, props, facts):
    context = Context(lab=True, today=date(2026, 11, 24), facts=facts)
    return [(row.rule, row.path) for row in judge(Resource(type_, "x", props), context)]


def configuration(facts, server="ntp.example.jp"):
    props = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "internal"},
        "variables": {"ntp_servers": [server]},
    }
    return rules_of("kokunai:ansible:Configuration", props, facts)


def test_a_host_of_the_project_passes_where_it_is_listed():
    facts = known_facts.read(GOOD)

    assert facts.problems == ()
    assert configuration(facts) == []
    assert configuration(known_facts.KnownFacts()) == [("KN-NTP-01", "variables.ntp_servers[0]")]


def test_a_host_of_a_foreign_operator_does_not_pass():
    abroad = {**GOOD, "operators": {"ourselves": {**OPERATOR, "country": "US"}}}

    assert configuration(known_facts.read(abroad)) == [("KN-NTP-01", "variables.ntp_servers[0]")]


def test_a_package_of_the_project_is_known_and_must_say_where():
    facts = known_facts.read(GOOD)

    assert rules_of("vendor:index:Volume", {}, facts) == []
    assert rules_of("pulumi:providers:vendor", {}, facts) == [("KN-LOC-02", "region")]
    assert rules_of("vendor:index:Volume", {}, known_facts.KnownFacts()) == [("KN-ESC-08", "")]


def with_host(**changes):
    row = {"host": "ntp.example.jp", "operator": "ourselves", **WHO, **changes}
    return {**GOOD, "hosts": {"time": [{key: row[key] for key in row if row[key] is not None}]}}


BROKEN = {
    "no owner": (with_host(owner=None), "hosts.time[0].owner"),
    "an empty reason": (with_host(reason=" "), "hosts.time[0].reason"),
    "an unknown key": (with_host(until="2027"), "hosts.time[0].until"),
    "an unknown operator": (with_host(operator="nobody"), ""),
    "a pattern for everything": (with_host(host="*"), "hosts.time[0].host"),
    "an unknown use": ({**GOOD, "hosts": {"mail": []}}, ""),
    "another operator under a known key": ({**GOOD, "operators": {"sakura": OPERATOR}}, ""),
    "a known package": ({**GOOD, "packages": {"command": WHO}}, ""),
    "code that runs": (
        {**GOOD, "packages": {"x": {"executes": False, **WHO}}},
        "packages.x.executes",
    ),
    "an unknown section": ({**GOOD, "regions": {}}, "regions"),
    "a list": ([GOOD], ""),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_file_adds_nothing_and_is_a_finding(what):
    content, path = BROKEN[what]
    facts = known_facts.read(content)

    assert [row.path for row in facts.problems] == [path]
    assert ("KN-NTP-01", "variables.ntp_servers[0]") in configuration(facts)
    stack = [row for row in rules_of("pulumi:pulumi:Stack", {}, facts) if row[0] == "KN-ESC-07"]
    assert len(stack) == 1


@pytest.mark.parametrize("text", ["hosts: [", "hosts: {}\nhosts: {}\n", "hosts: " + "[" * 20_000])
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path, text):
    (tmp_path / "facts.yaml").write_text(text)

    facts = known_facts.in_folder(tmp_path)

    assert [row.path for row in facts.problems] == [""]
    assert "facts.yaml" in facts.problems[0].ja


def test_no_file_is_no_problem(tmp_path):
    assert known_facts.in_folder(tmp_path).problems == ()
