"""Who may call, and what a wrong call is told."""

import httpx
import pytest

from kokunai.lab.credentials import credentials_of
from kokunai.lab.places import Places


@pytest.mark.parametrize("auth", [None, ("lab", "wrong"), ("", "")])
def test_a_call_without_the_right_key_is_refused(api, auth):
    url = f"{api.root}/is1a/api/cloud/1.1/server"

    response = httpx.get(url, auth=auth, trust_env=False)

    assert response.status_code == 401
    assert response.json()["error_code"] == "unauthorized"
    assert response.json()["is_fatal"] is True


def test_the_key_of_another_lab_is_refused(open_api):
    one, other = open_api("one"), open_api("other")

    response = httpx.get(
        f"{other.root}/is1a/api/cloud/1.1/server",
        auth=(one.credentials.token, one.credentials.secret),
        trust_env=False,
    )

    assert response.status_code == 401


def test_the_key_is_the_users_own_and_stays(tmp_path, monkeypatch):
    places = Places(tmp_path / "lab")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "one"))
    first = credentials_of(places)
    again = credentials_of(places)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    others = credentials_of(places)

    kept = list((tmp_path / "one/kokunai").iterdir())
    assert first == again
    assert first.secret != others.secret
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]


@pytest.mark.parametrize(
    ("method", "path", "refusal"),
    [
        ("GET", "nonsense", (404, "resource_path_not_found")),
        ("POST", "zone", (405, "method_not_allowed")),
        ("GET", "server/113000000009", (404, "not_found")),
        ("GET", "archive/1", (404, "not_found")),
        ("DELETE", "switch/113000000009", (404, "not_found")),
        ("PUT", "disk/113000000009/to/server/1", (404, "not_found")),
    ],
)
def test_what_is_not_there_is_told_with_the_documented_body(api, method, path, refusal):
    assert api.refused(method, path) == refusal


def test_an_unknown_zone_has_no_paths(api):
    api.zone = "xx1z"

    assert api.refused("GET", "server") == (404, "resource_path_not_found")


UNREADABLE = [b"{", b"[]", b'"x"', b"\xff", b'{"Switch": {"Name": "\\ud800"}}', b"[" * 100_000]


@pytest.mark.parametrize("content", UNREADABLE)
def test_a_body_that_is_no_json_object_is_refused(api, content):
    response = api.call("POST", "switch", content=content)

    assert (response.status_code, response.json()["error_code"]) == (400, "bad_request")


def test_a_number_without_end_is_refused(api):
    body = b'{"Switch": {"Name": "s", "UserSubnet": {"NetworkMaskLen": 1e999}}}'

    response = api.call("POST", "switch", content=body)

    assert (response.status_code, response.json()["error_code"]) == (400, "invalid_format")


def test_a_body_that_is_too_large_is_refused(api):
    response = api.call("POST", "switch", content=b" " * 1_100_000)

    assert response.status_code == 413


def test_a_path_may_end_with_a_slash(api):
    assert api.get("server/")["Servers"] == []


def test_ids_are_text_unless_numbers_are_asked_for(api):
    switch_id = api.make_switch()

    as_number = api.get(f"switch/{switch_id}", headers={"X-Sakura-Bigint-As-Int": "1"})

    assert len(switch_id) == 12
    assert as_number["Switch"]["ID"] == int(switch_id)


def test_a_resource_of_another_zone_is_not_found(api):
    switch_id = api.make_switch()

    api.zone = "tk1a"

    assert api.refused("GET", f"switch/{switch_id}") == (404, "not_found")
    assert api.get("switch")["Total"] == 0


def test_calls_are_counted_by_what_they_ask(api):
    switch_id = api.make_switch()
    api.get(f"switch/{switch_id}")
    api.refused("GET", "switch/113000000009")

    calls = api.state()["calls"]

    assert calls["by_call"] == {"GET switch/{id}": 2, "POST switch": 1}
    assert (calls["total"], calls["most_in_one_second"]) == (3, 3)
