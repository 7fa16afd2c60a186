"""A host that answers anything at all ends in a right result or in an error of its own."""

from __future__ import annotations

import copy
import json
import random
import unicodedata
from collections import Counter
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from kokunai import playbooks
from kokunai.plugin.ansible.configuration import _with_check_results
from kokunai.plugin.ansible.events import VERIFYING, Reducer
from kokunai.plugin.ansible.host_answer import CHECKS
from kokunai.plugin.ansible.outcome import Run, outputs, reason
from kokunai.plugin.ansible.request import Host
from support.fault_matrix import IS_ALL
from support.operation import Operation

SECRET = "correct-horse-battery"
HOSTS = [Host(name, f"10.0.0.{number}", str(number), "root") for number, name in enumerate("abc")]
LIAR = "b"
CASES = 1000 if IS_ALL else 150
SEED = 20260131

CHECK = {"value": 8, "verdict": "pass", "reason": ""}
ANSWER = {
    "kokunai_verified": {
        **{name: dict(CHECK) for name in CHECKS},
        "addresses": {"value": ["10.0.0.1/24"], "verdict": "pass", "reason": ""},
        "kernel_parameters": {"value": {"kernel.x": "0"}, "verdict": "pass", "reason": ""},
    }
}
BUNDLE = {
    "changed": True,
    "paths_changed": ["/etc/hosts"],
    "pending": {"time": ["/etc/chrony/chrony.conf"]},
    "not_applied": [],
    "diff": [{"before": "", "after": "x"}],
}
LOOP = {"changed": True, "results": [{"item": "chrony", "changed": True, "failed": False}]}

JUNK = (
    None,
    True,
    -1,
    10**400,
    2**60,
    1e999,
    float("nan"),
    "",
    "pass",
    "x" * 200_000,
    "\x1b[2J\x1b]0;title\x07",
    "a\n  train-1  gpu_count  pass  8\r\nb",
    "\u202egpu\u2066\u200b",
    "\ud83d",
    "\x00",
    SECRET,
    f"login {SECRET} failed",
    "REMOTE HOST IDENTIFICATION HAS CHANGED",
    "{{ lookup('pipe', 'id') }}",
    "x" * 295 + SECRET,
    [],
    [[[[[[]]]]]],
    [None, 1, {"a": []}],
    ["y"] * 5000,
    {},
    {"verdict": "pass"},
    {SECRET: SECRET, "\x1b[31m": 1},
    {"kokunai_verified": {}},
)


def _places(value, path=()):
    yield path
    rows = dict(enumerate(value)) if isinstance(value, list) else value
    for key, item in rows.items() if isinstance(rows, dict) else ():
        yield from _places(item, (*path, key))


def _changed(value, path, chance: random.Random):
    """The value with something else at the path, or without it, or with one thing more there."""
    if not path:
        return copy.deepcopy(chance.choice(JUNK))
    made = copy.deepcopy(value)
    *way, last = path
    here = made
    for key in way:
        here = here[key]
    action = chance.randrange(4)
    if action == 0:
        del here[last]
    elif action == 1 and isinstance(here, dict):
        here[chance.choice(["extra", "gpu_count ", SECRET, "\x1b[0m"])] = here[last]
    else:
        here[last] = copy.deepcopy(chance.choice(JUNK))
    return made


def _mutated(value, chance: random.Random):
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        places = list(_places(value))
        # The whole is replaced now and then only, or little else would be tried.
        path = chance.choice(places[1:] or places) if chance.random() < 0.95 else ()
        value = _changed(value, path, chance)
    return value


def _text_of(answer, chance: random.Random) -> str:
    """The answer as the host prints it, sometimes cut, doubled or with a torn character."""
    text = json.dumps(answer, ensure_ascii=chance.random() < 0.5)
    place = chance.randrange(len(text) + 1)
    spoilt = {
        0: text[:place],
        1: text + text,
        2: text[:place] + chance.choice('\x00\x1b{]"\ud800é') + text[place:],
        3: "[" * 100_000,
        4: "Welcome to Debian\n" + text,
    }
    return spoilt.get(chance.randrange(20), text)


def _event(kind: str, host: str, res, role: str, task: str):
    data = {"host": host, "res": res, "role": role, "task": task, "task_action": "command"}
    return {"event": kind, "event_data": data}


def _verify(host: str, text, *, failed: bool = False):
    kind = "runner_on_failed" if failed else "runner_on_ok"
    return _event(kind, host, {"stdout": text, "rc": int(failed), "changed": False}, *VERIFYING)


def _honest(host: str):
    return [
        _event("runner_on_ok", host, BUNDLE, "base", "Write"),
        _event("runner_on_ok", host, LOOP, "base", "Keep"),
        _verify(host, json.dumps(ANSWER)),
    ]


def _lying(chance: random.Random):
    """Events of a host whose answer is changed in one of the places in which a host answers."""
    events = _honest(LIAR)
    which = chance.randrange(6)
    if which < 2:
        events[which]["event_data"]["res"] = _mutated(events[which]["event_data"]["res"], chance)
    elif which == 2:
        res = _mutated({"msg": "no space left", "stderr": "x", "results": []}, chance)
        kind = chance.choice(["runner_on_failed", "runner_on_unreachable"])
        events[1:] = [_event(kind, LIAR, res, "base", "Keep")]
    else:
        text = _text_of(_mutated(ANSWER, chance), chance)
        events[2] = _verify(LIAR, text, failed=chance.random() < 0.3)
        if chance.random() < 0.1:
            events[2]["event_data"]["res"] = _mutated(events[2]["event_data"]["res"], chance)
    return events


def _stats(events):
    """What Ansible counts: a failed task by its kind, whatever was in it."""
    dark = {one["event_data"]["host"]: 1 for one in events if "unreachable" in one["event"]}
    failed = {one["event_data"]["host"]: 1 for one in events if one["event"].endswith("failed")}
    ok = {host.name: 3 for host in HOSTS}
    data = {"ok": ok, "changed": {}, "failures": failed, "dark": dark}
    return {"event": "playbook_on_stats", "event_data": data}


def _run_of(events) -> Run:
    reducer, run = Reducer([{"password": SECRET}]), Run.of([host.name for host in HOSTS])
    for event in events:
        for record in reducer.records(event):
            # As it goes from the runner's process to the plugin.
            run.take(json.loads(json.dumps(record)))
    return run


def _without_times(verified):
    return {
        name: {key: item for key, item in check.items() if key != "takenAt"}
        for name, check in verified.items()
    }


def _assert_clean(told) -> None:
    """What would reach the state or a terminal: valid, short, printable, without the secret."""
    text = json.dumps(told, allow_nan=False, ensure_ascii=False)
    text.encode()

    assert SECRET not in text
    assert len(text) < 200_000
    assert "\\u001b" not in text
    assert {unicodedata.category(letter) for letter in text} & {"Cc", "Cf", "Cs"} == set()


def _assert_verdicts(verified) -> None:
    assert set(verified) in (set(), set(CHECKS))
    for check in verified.values():
        assert set(check) == {"value", "verdict", "reason", "takenAt"}
        assert check["verdict"] in ("pass", "fail", "not-verified")


def _outcome(chance: random.Random) -> str:
    lying = _lying(chance)
    events = [*_honest("a"), *lying, *_honest("c")]
    digests = {host.name: "d" for host in HOSTS}

    run = _run_of([*events, _stats(events)])
    after = outputs({}, {}, digests, HOSTS, run)
    liar = run.hosts[LIAR]
    read = _with_check_results(operation := Operation(), {}, HOSTS, run)

    _assert_clean([after, read])
    for said in [reason(HOSTS[1], liar), *operation.warnings]:
        _assert_clean(said.splitlines())
    for host in ("a", "c"):
        assert after["results"][host]["status"] == "ok"
        assert _without_times(after["verified"][host]) == ANSWER["kokunai_verified"]
        assert read["drift"][host] == read["drift"]["a"]
    _assert_verdicts(liar.verified)
    failing = [name for name, one in liar.verified.items() if one["verdict"] == "fail"]
    if liar.status == "ok":
        assert failing == []
        assert set(liar.verified) == set(CHECKS)
        return "right" if liar.verified else "unjudged"
    assert liar.status in ("failed", "unreachable", "rekeyed")
    assert liar.task
    return f"{liar.status}, {'a check fails' if failing else 'said so'}"


def test_mutated_answers_of_a_host_end_in_a_clear_error_or_a_right_result(
    capsys: pytest.CaptureFixture[str],
):
    counts = Counter(_outcome(random.Random(SEED + case)) for case in range(CASES))

    if CASES > 150:
        with capsys.disabled():
            print(f"\n{CASES} answers of hosts: {dict(counts.most_common())}")
    assert counts["right"]
    assert counts["failed, said so"]
    assert sum(counts.values()) == CASES


@pytest.mark.parametrize("text", ["[]", "", "null", "{}", '{"kokunai_verified": [1]}', "{" * 9])
def test_an_answer_that_is_none_is_the_failure_of_that_host_alone(text: str):
    events = [*_honest("a"), _verify(LIAR, text), *_honest("c")]

    run = _run_of([*events, _stats(events)])

    statuses = {name: outcome.status for name, outcome in run.hosts.items()}
    assert statuses == {"a": "ok", "b": "failed", "c": "ok"}
    assert "its answer is not understood" in run.hosts["b"].message
    assert run.hosts["b"].verified == {}


def test_checks_left_out_are_not_verified():
    events = _verify(LIAR, json.dumps({"kokunai_verified": {"gpu_count": CHECK}}))

    judged = _run_of([events]).hosts[LIAR].verified

    assert list(judged) == list(CHECKS)
    assert judged["gpu_count"]["verdict"] == "pass"
    assert {judged[name]["verdict"] for name in CHECKS[1:]} == {"not-verified"}
    assert "did not answer" in judged["storage"]["reason"]


def test_a_check_that_fails_fails_the_host_although_it_says_that_all_is_well():
    answer = {"kokunai_verified": {"storage": {"value": [], "verdict": "fail", "reason": "dead"}}}
    events = [_verify(LIAR, json.dumps(answer))]

    run = _run_of([*events, _stats(events)])

    assert run.hosts[LIAR].status == "failed"
    assert run.hosts[LIAR].message == "storage: dead"


def test_each_verdict_carries_when_it_was_taken():
    judged = _run_of([_verify(LIAR, json.dumps(ANSWER))]).hosts[LIAR].verified

    assert {len(check["takenAt"]) for check in judged.values()} == {len("2026-01-31T09:00:00Z")}


def test_known_checks_are_those_of_the_script():
    spec = spec_from_file_location("v", playbooks.packaged() / "roles/verify/files/verify.py")
    script = module_from_spec(spec)
    spec.loader.exec_module(script)

    assert tuple(script.JUDGES) == CHECKS


def test_the_task_that_is_asked_has_the_name_by_which_its_answer_is_known():
    role, task = VERIFYING
    text = (playbooks.packaged() / f"roles/{role}/tasks/main.yml").read_text(encoding="utf-8")

    assert f"- name: {task}\n" in text
