"""What a preview shows of a configuration."""

import pytest

from kokunai.plugin.ansible.difference import changes
from kokunai.plugin.kind import UNKNOWN, ChangeKind


def _host(name: str, address: object = "10.0.0.1"):
    return {"name": name, "address": address, "serverId": "1", "user": "root"}


def _inputs(*hosts, **more):
    return {"pool": "train", "hosts": list(hosts), "roleDigest": "aa", "variables": {}, **more}


def test_a_new_host_is_the_one_change():
    found = changes({}, _inputs(_host("a")), _inputs(_host("a"), _host("b")))

    assert [(one.path, one.kind) for one in found] == [("hosts[1]", ChangeKind.ADD)]
    assert "b is configured" in found[0].reason


def test_hosts_are_compared_by_name_and_not_by_place():
    old, new = _inputs(_host("a"), _host("b")), _inputs(_host("b"), _host("a"))

    assert changes({}, old, new) == []


def test_a_host_that_leaves_the_middle_is_one_deletion():
    old = _inputs(_host("a"), _host("b"), _host("c"))

    found = changes({}, old, _inputs(_host("a"), _host("c")))

    assert [(one.path, one.kind) for one in found] == [("hosts[1]", ChangeKind.DELETE)]


def test_an_address_still_unknown_is_a_change_of_its_host():
    found = changes({}, _inputs(_host("a")), _inputs(_host("a", UNKNOWN)))

    assert [one.path for one in found] == ["hosts[0]"]


def test_hosts_unknown_as_a_whole_are_one_change():
    assert [one.path for one in changes({}, _inputs(_host("a")), _inputs(hosts=UNKNOWN))] == [
        "hosts"
    ]


def test_a_variable_is_shown_at_its_own_path():
    old, new = _inputs(variables={"x": 1, "y": 1}), _inputs(variables={"x": 1, "y": 2})

    assert [one.path for one in changes({}, old, new)] == ["variables.y"]


def test_a_changed_secret_shows_nothing_of_its_inside():
    old, new = _inputs(secretVariables={"s": "1"}), _inputs(secretVariables={"s": "2"})

    assert [one.path for one in changes({}, old, new)] == ["secretVariables"]


def test_drift_is_a_change_of_the_state_naming_the_files():
    state = {"drift": {"a": ["/etc/nccl.conf"]}, "results": {"a": {"status": "ok"}}}
    inputs = _inputs(_host("a"))

    found = changes(state, inputs, inputs)

    assert [(one.path, one.of_state) for one in found] == [('drift["a"]', True)]
    assert "/etc/nccl.conf" in found[0].reason


@pytest.mark.parametrize("status", ["failed", "unreachable", "interrupted", "rekeyed"])
def test_a_host_that_is_not_done_is_a_change(status: str):
    inputs = _inputs(_host("a"))

    found = changes({"results": {"a": {"status": status}}}, inputs, inputs)

    assert [one.path for one in found] == ['results["a"].status']


def test_what_is_left_of_a_removed_host_is_no_change_of_its_own():
    state = {"drift": {"b": ["/etc/hosts"]}, "results": {"b": {"status": "failed"}}}
    inputs = _inputs(_host("a"))

    assert changes(state, inputs, inputs) == []
