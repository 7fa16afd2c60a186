"""Which hosts a run touches."""

from kokunai.plugin.ansible.difference import digests, fingerprint, touched

URN = "urn:pulumi:dev::kokunai::kokunai:ansible:Configuration::train"


def _inputs(*names: str, **changes):
    hosts = [
        {"name": name, "address": "10.0.0.1", "serverId": "1", "user": "root", "variables": {}}
        for name in names
    ]
    plain = {"roleDigest": "aa", "variables": {"x": 1}, "secretVariables": {}, "hosts": hosts}
    return {**plain, **changes}


def _state(inputs):
    done = digests(inputs, URN)
    return {"hostDigests": done, "results": {name: {"status": "ok"} for name in done}}


def test_a_new_peer_leaves_the_digests_of_the_others():
    two, three = digests(_inputs("a", "b"), URN), digests(_inputs("c", "a", "b"), URN)

    assert {name: three[name] for name in two} == two


def test_only_a_new_host_is_touched():
    state = _state(_inputs("a", "b"))

    assert touched(digests(_inputs("a", "b", "c"), URN), state) == ["c"]


def test_nothing_is_touched_when_nothing_changed():
    inputs = _inputs("a", "b")

    assert touched(digests(inputs, URN), _state(inputs)) == []


def test_roles_variables_and_secrets_touch_every_host():
    state = _state(_inputs("a", "b"))

    for change in ({"roleDigest": "bb"}, {"variables": {"x": 2}}, {"secretVariables": {"s": "1"}}):
        assert touched(digests(_inputs("a", "b", **change), URN), state) == ["a", "b"]


def test_another_share_behind_the_same_address_touches_every_host():
    state = _state(_inputs("a", "b", shareIds=["1"]))

    assert touched(digests(_inputs("a", "b", shareIds=["1"]), URN), state) == []
    assert touched(digests(_inputs("a", "b", shareIds=["2"]), URN), state) == ["a", "b"]


def test_another_server_under_the_same_name_is_touched():
    old, new = _inputs("a", "b"), _inputs("a", "b")
    new["hosts"][1]["serverId"] = "2"

    assert touched(digests(new, URN), _state(old)) == ["b"]


def test_another_ssh_key_touches_every_host_so_that_a_login_proves_it():
    state = _state(_inputs("a", "b", keyId="0123456789ab"))

    assert touched(digests(_inputs("a", "b", keyId="ba9876543210"), URN), state) == ["a", "b"]
    assert touched(digests(_inputs("a", "b", keyId="0123456789ab"), URN), state) == []


def test_a_disk_that_the_provider_wrote_anew_touches_its_host_alone():
    old, new = _inputs("a", "b"), _inputs("a", "b")
    for host in (*old["hosts"], *new["hosts"]):
        host["diskConfigId"] = "one"
    new["hosts"][1]["diskConfigId"] = "two"

    assert touched(digests(new, URN), _state(old)) == ["b"]


def test_drift_and_failure_touch_a_host_whose_inputs_are_the_same():
    inputs = _inputs("a", "b", "c")
    state = _state(inputs) | {"drift": {"a": ["/etc/hosts"]}}
    state["results"]["c"] = {"status": "failed"}

    assert touched(digests(inputs, URN), state) == ["a", "c"]


def test_a_secret_leaves_only_a_fingerprint_that_differs_by_resource():
    one, other = fingerprint({"s": "hunter2"}, URN), fingerprint({"s": "hunter2"}, URN + "-2")

    assert one != other
    assert "hunter2" not in one
    assert one != fingerprint({"s": "hunter3"}, URN)
    assert fingerprint({}, URN) == ""


def test_the_order_of_keys_is_no_change():
    first = digests(_inputs("a", variables={"x": 1, "y": 2}), URN)

    assert digests(_inputs("a", variables={"y": 2, "x": 1}), URN) == first
