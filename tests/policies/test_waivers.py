"""A waiver is complete, agreed by two people, short-lived and exact, or it waives nothing."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from policy_examples import waivers_of

from kokunai_policy import Context, Level, Resource, context, judge, waivers

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 24)
URN = "urn:pulumi:dev::example::kokunai:sakura:Switch::net"
GOOD = {
    "rule": "KN-CLS-01",
    "urn": URN,
    "reason": "label follows",
    "requester": "sato",
    "approver": "suzuki",
    "ticket": "OPS-1",
    "expires": date(2026, 12, 31),
}


def read(*entries):
    return waivers_of({"waivers": list(entries)})


def paths(found):
    return [one.path for one in found.problems(TODAY)]


def unlabelled(given, urn=URN):
    context = Context(today=TODAY, waivers=given)
    props = {"site": "sakura-ishikari", "zone": "is1a"}
    [finding] = judge(Resource("kokunai:sakura:Switch", "net", props, urn=urn), context)
    return finding


def test_a_good_waiver_waives_its_finding():
    assert paths(read(GOOD)) == []
    assert unlabelled(read(GOOD)).waiver.ticket == "OPS-1"


def test_a_waiver_is_found_by_type_and_name_before_there_is_a_urn():
    parented = {**GOOD, "urn": f"urn:pulumi:dev::example::a:b:C${'kokunai:sakura:Switch'}::net"}

    assert unlabelled(read(parented), urn="").waiver
    assert not unlabelled(read({**parented, "urn": URN.replace("::net", "::other")}), urn="").waiver


def test_a_waiver_of_another_stack_does_not_count_where_the_stack_is_known():
    props = {"site": "sakura-ishikari", "zone": "is1a"}
    resource = Resource("kokunai:sakura:Switch", "net", props)

    def waived(stack):
        context = Context(today=TODAY, waivers=read(GOOD), stack=stack)
        return [one.waiver is not None for one in judge(resource, context)]

    assert (waived("dev::example"), waived("prod::example")) == ([True], [False])


def test_the_day_turns_at_midnight_in_japan(monkeypatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 11, 23, 15, 0, tzinfo=UTC).astimezone(tz)

    monkeypatch.setattr(context, "datetime", Clock)

    assert context.today_in_japan() == TODAY


BROKEN = {
    "no reason": ({"reason": None}, "waivers[0].reason"),
    "an empty ticket": ({"ticket": " "}, "waivers[0].ticket"),
    "a number as ticket": ({"ticket": 12}, "waivers[0].ticket"),
    "its own approver": ({"approver": "sato"}, "waivers[0].approver"),
    "its own approver, spelled otherwise": ({"approver": " ＳＡＴＯ"}, "waivers[0].approver"),
    "no end": ({"expires": None}, "waivers[0].expires"),
    "an unknown rule": ({"rule": "KN-XXX-99"}, "waivers[0].rule"),
    "a critical rule": ({"rule": "KN-LOC-01"}, "waivers[0].rule"),
    "an unknown key": ({"until": "2026-12-31"}, "waivers[0].until"),
    "a day as text": ({"expires": "31.12.2026"}, "waivers[0].expires"),
    "a time": ({"expires": datetime(2026, 12, 1, 1, 2, tzinfo=UTC)}, "waivers[0].expires"),
    "yesterday": ({"expires": date(2026, 11, 23)}, "waivers[0].expires"),
    "91 days": ({"expires": date(2027, 2, 23)}, "waivers[0].expires"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_waiver_is_a_problem_and_waives_nothing(what):
    change, path = BROKEN[what]
    given = read({**GOOD, **change})

    assert paths(given) == [path]
    assert unlabelled(given).waiver is None


@pytest.mark.parametrize("day", [TODAY, date(2027, 2, 22)], ids=["its last day", "90 days"])
def test_the_first_and_the_last_possible_day_count(day):
    assert unlabelled(read({**GOOD, "expires": day})).waiver


TYPE = {"type": "command:local:Command", **{key: GOOD[key] for key in list(GOOD)[2:]}}


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"expires": date(2026, 11, 24)}, True),
        ({"expires": date(2026, 11, 23)}, False),
        ({"expires": None}, False),
        ({"expires": date(2027, 2, 23)}, False),
        ({"approver": "Sato"}, False),
        ({"ticket": ""}, False),
        ({"type": "command:local:Other"}, False),
    ],
)
def test_an_allowed_type_ends_as_a_waiver_does(change, allowed):
    given = waivers_of({"allowed_types": [{**TYPE, **change}]})
    context = Context(today=TODAY, waivers=given)

    found = judge(Resource("command:local:Command", "x", {"create": "date"}), context)

    assert [one.rule for one in found] == ([] if allowed else ["KN-ESC-01"])
    assert (paths(given) == []) is (allowed or "type" in change)


FILES = [
    "waivers: " + "[" * 20_000,
    "waivers: {a: b}",
    "- rule: x",
    "waivers: [",
    "waivers: [text]",
    "exceptions: []",
    "waivers: []\nwaivers: []",
]


@pytest.mark.parametrize("text", FILES)
def test_a_file_of_another_shape_is_a_problem(tmp_path, text):
    (tmp_path / "waivers.yaml").write_text(text)

    assert waivers.in_folder(tmp_path).problems(TODAY)


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path):
    (tmp_path / "waivers.yaml").mkdir()

    assert waivers.in_folder(tmp_path).problems(TODAY)


def test_an_empty_file_or_none_is_no_problem(tmp_path):
    assert waivers.in_folder(tmp_path).problems(TODAY) == []

    (tmp_path / "waivers.yaml").write_text("# nothing\n")

    assert waivers.in_folder(tmp_path).problems(TODAY) == []


def test_a_waiver_of_a_file_waives(tmp_path):
    (tmp_path / "waivers.yaml").write_text(yaml.safe_dump({"waivers": [GOOD]}))
    given = waivers.in_folder(tmp_path)

    assert paths(given) == []
    assert unlabelled(given).waiver.expires == GOOD["expires"]


def test_the_file_of_this_project_is_good():
    assert waivers.in_folder(ROOT / "policies").problems(TODAY) == []


def test_nothing_is_waived_unless_the_project_says_so():
    assert Context().waivers == waivers.Waivers()


def test_a_critical_finding_is_never_waived():
    given = read({**GOOD, "rule": "KN-LOC-01"})
    context = Context(today=TODAY, waivers=given)
    props = {"site": "mars", "zone": "is1a", "labels": {"data-class": "public"}}
    found = judge(Resource("kokunai:sakura:Switch", "net", props, urn=URN), context)

    assert [(one.level, one.waiver) for one in found if one.path == "site"] == [
        (Level.CRITICAL, None)
    ]
