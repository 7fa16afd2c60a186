"""The lab's own paths: who may call them, and what a call that belongs to nobody leaves behind."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from emulator import AT_ONCE, open_emulator

from kokunai.errors import KokunaiError
from kokunai.lab import inquiry
from kokunai.lab.credentials import credentials_of, key_path
from kokunai.lab.machines import NoMachines
from kokunai.lab.places import Places
from kokunai.lab.state_file import SavedState, write_state_file

CALLS = [("GET", "state"), ("GET", "faults"), ("POST", "faults"), ("DELETE", "faults")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    opened = open_emulator(tmp_path_factory.mktemp("lab"), NoMachines(), AT_ONCE)
    yield opened
    opened.stop()


def call(api, method, path, auth="right", **headers):
    right = (api.credentials.token, api.credentials.secret)
    return httpx.request(
        method,
        api.lab_url(path),
        json={"rate": 0} if method == "POST" else None,
        auth=right if auth == "right" else auth,
        headers=headers,
        trust_env=False,
    )


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("auth", [None, ("lab", "wrong"), ("", "")])
def test_without_the_labs_credentials_nothing_is_told_or_changed(shared, method, path, auth):
    answer = call(shared, method, path, auth)

    assert answer.status_code == 401
    assert list(answer.json()) == ["error"]
    assert call(shared, "GET", "faults").json() == {"faults": []}


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_a_web_page_is_refused_even_with_the_credentials(shared, method, path, origin):
    assert call(shared, method, path, Origin=origin).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1", "169.254.1.1"]
)
def test_a_name_that_only_points_here_is_refused(shared, host):
    assert call(shared, "GET", "state", Host=host).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:80"])
def test_this_machines_own_names_are_taken(shared, host):
    answer = call(shared, "GET", "state", Host=host, Origin=f"http://{host}")

    assert answer.json()["lab_id"] == shared.places.lab_id


def test_our_own_commands_ask_with_the_credentials(shared):
    state = inquiry.ask(shared.places)

    assert state is not None
    assert state["lab_id"] == shared.places.lab_id


@pytest.mark.parametrize(
    "path", ["/nowhere", "/_lab/nothing", "/cloud/zone/is1a/api/cloud/1.1/nonsense", "/a%0Ab"]
)
def test_a_path_that_nobody_has_is_in_the_log(shared, caplog, path):
    with caplog.at_level(logging.WARNING):
        answer = shared.http.get(shared.url + path)

    lines = [record.getMessage() for record in caplog.records]
    assert answer.status_code == 404
    assert [line.startswith("GET '/") and "404" in line for line in lines] == [True]
    assert "\n" not in lines[0]


def test_another_home_finds_the_key_that_the_lab_was_started_with(tmp_path, monkeypatch):
    places = Places(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "one"))
    first = credentials_of(places)
    write_state_file(tmp_path, SavedState(key=str(key_path(places))))

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))

    assert credentials_of(places) == first
    assert not (tmp_path / "other").exists()
    assert first.secret not in json.dumps((tmp_path / "lab.json").read_text())


def test_a_recorded_key_that_is_gone_is_made_anew_in_this_home(tmp_path, monkeypatch):
    write_state_file(tmp_path, SavedState(key=str(tmp_path / "gone")))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))

    assert credentials_of(Places(tmp_path)).secret
    assert (tmp_path / "mine/kokunai/lab.key").is_file()


def test_a_key_that_cannot_be_read_is_told_in_a_sentence(tmp_path):
    (tmp_path / "key").mkdir()
    write_state_file(tmp_path, SavedState(key=str(tmp_path / "key")))

    with pytest.raises(KokunaiError, match="as the user who started the lab"):
        credentials_of(Places(tmp_path))
