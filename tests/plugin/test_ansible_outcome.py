"""What a run means for the outputs."""

from kokunai.plugin.ansible.host_keys import known_keys
from kokunai.plugin.ansible.outcome import Outcome, Run, drift_of, outputs, reason
from kokunai.plugin.ansible.request import Host

A = Host("a", "10.0.0.1", "1", "root")
B = Host("b", "10.0.0.2", "2", "root", port=2222)


def _finished(**records) -> Run:
    run = Run.of(["a", "b"])
    for record in records.get("before", []):
        run.take(record)
    counts = {"ok": 3, "changed": 1, "failed": 0, "unreachable": 0}
    run.take({"record": "stats", "hosts": {"a": counts, "b": counts}})
    run.take({"record": "end", "known_hosts": ["10.0.0.1 ssh-ed25519 AA", "[10.0.0.2]:2222 x BB"]})
    return run


def test_a_finished_host_gets_digest_result_and_key():
    after = outputs({"pool": "train"}, {}, {"a": "d1", "b": "d2"}, [A, B], _finished())

    assert after["hostDigests"] == {"a": "d1", "b": "d2"}
    assert after["results"]["a"]["status"] == "ok"
    assert after["hostKeys"]["b"] == ["[10.0.0.2]:2222 x BB"]
    assert after["pool"] == "train"


def test_a_failed_host_keeps_no_digest_and_the_others_theirs():
    failed = {"record": "failed", "host": "b", "task": "base : Write", "message": "no space"}

    after = outputs({}, {}, {"a": "d1", "b": "d2"}, [A, B], _finished(before=[failed]))

    assert after["hostDigests"] == {"a": "d1"}
    assert after["results"]["b"]["message"] == "no space"


def test_hosts_that_were_not_touched_keep_what_they_had():
    state = {"results": {"a": {"status": "ok", "changed": 9}}, "hostDigests": {"a": "old"}}
    run = Run.of(["b"])

    after = outputs({}, state, {"a": "old", "b": "d2"}, [B], run)

    assert after["results"]["a"] == {"status": "ok", "changed": 9}
    assert after["hostDigests"] == {"a": "old"}


def test_verdicts_of_an_earlier_run_do_not_outlive_a_run_that_never_judged():
    judged = {"gpu_count": {"verdict": "pass"}}
    state = {"verified": {"a": judged, "b": judged}, "results": {"a": {"serverId": "0"}}}

    after = outputs({}, state, {"a": "d1", "b": "d2"}, [A], Run.of(["a"]))

    assert after["verified"] == {"a": {}, "b": judged}


def test_a_host_no_longer_asked_for_goes():
    state = {"results": {"z": {"status": "ok"}}, "hostKeys": {"z": ["k"]}, "drift": {"z": ["/x"]}}

    after = outputs({}, state, {"a": "d1"}, [A], _finished())

    assert "z" not in {**after["results"], **after["hostKeys"], **after["drift"]}


def test_a_repaired_host_has_no_drift():
    after = outputs({}, {"drift": {"a": ["/etc/x"]}}, {"a": "d1"}, [A], _finished())

    assert after["drift"] == {}


def test_a_run_without_an_end_leaves_its_hosts_interrupted():
    run = Run.of(["a"])
    run.take({"record": "changed", "host": "a", "paths": ["/etc/x"]})

    text = reason(A, run.hosts["a"])

    assert run.hosts["a"].status == "interrupted"
    assert "a (10.0.0.1)" in text
    assert "the next pulumi up continues" in text


def test_a_run_that_was_cut_does_not_forget_recorded_keys():
    state = {"hostKeys": {"a": ["10.0.0.1 x AA"]}, "results": {"a": {"serverId": "1"}}}

    same = outputs({}, state, {"a": "d1"}, [A], Run.of(["a"]))
    replaced = Host("a", "10.0.0.1", "9", "root")
    other = outputs({}, state, {"a": "d1"}, [replaced], Run.of(["a"]))

    assert same["hostKeys"] == {"a": ["10.0.0.1 x AA"]}
    assert other["hostKeys"] == {"a": []}


def test_another_server_brings_its_own_key():
    state = {
        "hostKeys": {"a": ["10.0.0.1 ssh-ed25519 AA"], "b": ["[10.0.0.2]:2222 x BB"]},
        "results": {"a": {"serverId": "1"}, "b": {"serverId": "another"}},
    }

    assert known_keys([A, B], state) == {"a": ["10.0.0.1 ssh-ed25519 AA"]}


def test_drift_names_paths_and_failed_checks_once():
    run = _finished(
        before=[
            {"record": "changed", "host": "a", "paths": ["/etc/x", "/etc/x"]},
            {"record": "verified", "host": "a", "checks": {"gpu_count": {"verdict": "fail"}}},
            {"record": "failed", "host": "a", "task": "verify : Compare", "message": ""},
        ]
    )

    assert drift_of(run.hosts["a"]) == ["/etc/x", "verified.gpu_count"]


def test_a_failed_task_is_named_in_the_language_of_each_sentence_and_in_one_in_the_state():
    failed = Outcome("failed", task="base : ホスト名を設定します / Give it its name", message="no")

    ja, en = reason(A, failed).split("\n")

    assert ja.endswith("は「base : ホスト名を設定します」で失敗しました。")
    assert en.endswith('failed in "base : Give it its name": no')
    assert drift_of(failed) == ["base : Give it its name"]
