"""Which hosts a run touches."""

import pytest

from kokunai.plugin.ansible.difference import digests, fingerprint, touched
from kokunai.plugin.ansible.module import ansible
from kokunai.plugin.kind import UNKNOWN
from support.plugin_engine import Failed, running

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


async def _checked_digest(engine, given, folder=""):
    host = {"name": "a", "address": "10.0.0.1", "serverId": "1", "user": "root"}
    inputs = {
        "site": "sakura-ishikari",
        "labels": {"data-class": "internal"},
        "pool": "train",
        "hosts": [host],
        "roleDigest": given,
        "variables": {},
        "privateKeyFile": "id",
        "keyId": "0123456789ab",
    }
    engine.next_run()
    await engine.configure({"playbooksDirectory": folder} if folder else {})
    checked, failures = await engine.check(URN, inputs)
    assert not failures
    return checked["roleDigest"]


async def test_playbooks_that_the_provider_names_are_part_of_the_role_digest(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").touch()
    tasks = tmp_path / "plays/roles/own/tasks/main.yml"
    tasks.parent.mkdir(parents=True)
    (tmp_path / "plays/site.yml").write_text("- hosts: all\n")
    tasks.write_text("[]\n")
    monkeypatch.chdir(tmp_path)

    async with running(ansible()) as engine:
        without = await _checked_digest(engine, "aa")
        first = await _checked_digest(engine, "aa", "plays")
        again = await _checked_digest(engine, "aa", "plays")
        ignored = await _checked_digest(engine, first, "plays")  # as ignoreChanges hands it in
        (tmp_path / "plays/README.md").write_text("How to use it\n")
        calm = await _checked_digest(engine, "aa", "plays")
        tasks.write_text("- ansible.builtin.ping:\n")
        changed = await _checked_digest(engine, "aa", "plays")
        given = await _checked_digest(engine, "bb", "plays")
        unknown = await _checked_digest(engine, UNKNOWN, "plays")

    assert without == "aa"
    assert first == again == ignored == calm
    assert len({without, first, changed, given}) == 4
    assert unknown is UNKNOWN


async def test_a_folder_without_site_yml_is_told_before_anything_is_made(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "plays").mkdir()
    monkeypatch.chdir(tmp_path)

    async with running(ansible()) as engine:
        with pytest.raises(Failed, match="playbooksDirectory"):
            await _checked_digest(engine, "aa", "plays")
