"""Small records out of Ansible's events."""

import json

import pytest

from kokunai.plugin.ansible.events import Reducer


def _event(kind: str, **data):
    return {"event": kind, "event_data": data}


def _result(kind: str, res, **more):
    given = {"host": "a", "task": "Write", "role": "base", "task_action": "file_bundle", "res": res}
    return _event(kind, **given, **more)


@pytest.fixture
def reducer() -> Reducer:
    return Reducer([{"login": "me", "password": "hunter2-long"}, "hunter2"])


def test_an_event_without_data_is_no_crash(reducer: Reducer):
    assert reducer.records({"event": "verbose", "stdout": ""}) == []


def test_a_changed_bundle_names_its_paths_and_what_was_left_pending(reducer: Reducer):
    res = {"changed": True, "paths_changed": ["/etc/a"], "pending": {"time": ["/etc/b", "/etc/a"]}}

    found = reducer.records(_result("runner_on_ok", res))

    assert found == [{"record": "changed", "host": "a", "paths": ["/etc/a", "/etc/b"]}]


def test_a_changed_loop_names_its_items(reducer: Reducer):
    res = {
        "changed": True,
        "results": [{"item": "chrony", "changed": True}, {"item": "x", "changed": False}],
    }

    assert reducer.records(_result("runner_on_ok", res))[0]["paths"] == ["Write: chrony"]


def test_a_handler_is_no_drift_of_its_own(reducer: Reducer):
    start = _event("playbook_on_task_start", task="Restart", task_uuid="7", is_conditional=True)
    begun = reducer.records(start)

    found = reducer.records(_result("runner_on_ok", {"changed": True}, task_uuid="7"))

    assert begun[0]["handler"] is True
    assert found[0]["paths"] == []


def test_verdicts_are_taken_from_the_event(reducer: Reducer):
    checks = {"gpu_count": {"value": 7, "verdict": "fail", "reason": "7 seen"}}
    res = {"stdout": json.dumps({"kokunai_verified": checks}), "msg": "non-zero return code"}

    verified, failed = reducer.records(_result("runner_on_failed", res))

    assert verified["checks"] == checks
    assert (failed["record"], failed["message"]) == ("failed", "gpu_count: 7 seen")


def test_a_secret_in_a_message_is_hidden(reducer: Reducer):
    res = {"msg": "login failed for hunter2-long and hunter2"}

    found = reducer.records(_result("runner_on_failed", res))

    assert found[0]["message"] == "login failed for *** and ***"


def test_a_secret_of_several_lines_is_hidden_however_it_is_quoted():
    secret = "machine a password one\nmachine b password two\n"
    reducer = Reducer([secret])

    found = reducer.records(_result("runner_on_failed", {"msg": f"cannot use {secret!r}"}))

    assert "password" not in found[0]["message"]


def test_a_host_that_never_answered_is_unreachable_and_not_failed(reducer: Reducer):
    event = _event(
        "runner_on_failed",
        host="a",
        task="Wait",
        task_action="ansible.builtin.wait_for_connection",
        res={"msg": "timed out"},
    )

    assert reducer.records(event)[0]["record"] == "unreachable"


def test_a_host_whose_key_ssh_refused_is_told_apart_from_a_silent_one(reducer: Reducer):
    said = "Failed to connect to the host over ssh: @@@\r\nREMOTE HOST IDENTIFICATION HAS CHANGED!"

    found = reducer.records(_result("runner_on_unreachable", {"msg": said}))

    assert found[0]["record"] == "rekeyed"


def test_an_ignored_failure_is_none(reducer: Reducer):
    assert reducer.records(_result("runner_on_failed", {"msg": "x"}, ignore_errors=True)) == []


def test_the_counts_come_from_the_last_event(reducer: Reducer):
    event = _event(
        "playbook_on_stats", ok={"a": 5, "b": 1}, changed={"a": 2}, failures={"b": 1}, dark={}
    )

    assert reducer.records(event)[0]["hosts"] == {
        "a": {"ok": 5, "changed": 2, "failed": 0, "unreachable": 0},
        "b": {"ok": 1, "changed": 0, "failed": 1, "unreachable": 0},
    }


def test_an_item_that_failed_gives_its_own_message(reducer: Reducer):
    res = {"msg": "One or more items failed", "results": [{"failed": True, "msg": "no unit"}]}

    assert reducer.records(_result("runner_on_failed", res))[0]["message"] == "no unit"
