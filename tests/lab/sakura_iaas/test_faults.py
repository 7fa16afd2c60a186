"""Faults on demand: before or after the effect, by rate, method, path and count."""

import time

import httpx
import pytest

pytestmark = pytest.mark.slow

SWITCH = {"Switch": {"Name": "switch"}}


def test_before_the_effect_nothing_is_made(api):
    api.faults({"status": 503, "when": "before", "method": "POST"})

    refusal = api.refused("POST", "switch", SWITCH)

    assert refusal == (503, "service_unavailable")
    assert api.get("switch")["Total"] == 0


def test_after_the_effect_it_is_made_and_the_client_is_not_told(api):
    api.faults({"status": 429, "when": "after", "count": 1})

    refusal = api.refused("POST", "switch", SWITCH)

    assert refusal == (429, "too_many_request")
    assert api.get("switch")["Total"] == 1


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_reset_cuts_the_connection(api, when, made):
    api.faults({"kind": "reset", "when": when, "count": 1})

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        api.post("switch", SWITCH)

    assert api.get("switch")["Total"] == made


def test_the_same_seed_fails_the_same_calls(api):
    def sequence():
        api.http.delete(api.lab_url("faults"))
        api.faults({"rate": 0.3, "seed": 7})
        return [api.call("GET", "switch").status_code for _ in range(40)]

    first, second = sequence(), sequence()

    assert first == second
    assert 3 < first.count(503) < 25


def test_method_path_and_count_select_the_calls(api):
    api.faults({"method": "get", "path": r"/server$", "count": 2, "status": 423})

    codes = [api.call("GET", path).status_code for path in ("switch", "server", "server", "server")]

    assert codes == [200, 423, 423, 200]


def test_the_nth_call_is_chosen_by_skipping_the_ones_before(api):
    api.faults({"path": r"/switch$", "skip": 2, "count": 1, "status": 423})

    codes = [api.call("GET", path).status_code for path in ("switch", "server", *["switch"] * 3)]

    assert codes == [200, 200, 200, 423, 200]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_delay_is_before_or_after_the_effect(api, when, made):
    api.faults({"kind": "delay", "when": when, "method": "POST", "delay_seconds": 0.5, "count": 1})

    with pytest.raises(httpx.ReadTimeout):
        api.call("POST", "switch", SWITCH, timeout=0.2)

    assert api.get("switch")["Total"] == made


def test_a_refusal_of_choice_can_be_made(api):
    api.faults({"status": 409, "error_code": "disk_stock_run_out", "error_msg": "在庫なし"})

    answer = api.call("POST", "disk", {}).json()

    assert (answer["error_code"], answer["error_msg"]) == ("disk_stock_run_out", "在庫なし")


def test_a_delay_only_waits(api):
    api.faults({"kind": "delay", "delay_seconds": 0.2, "count": 1})
    began = time.monotonic()

    api.get("switch")

    assert time.monotonic() - began >= 0.2


def test_the_lab_itself_never_fails_and_faults_can_be_cleared(api):
    url = api.lab_url("faults")
    api.faults({"rate": 1})

    shown = api.http.get(url).json()["faults"]
    api.http.delete(url)

    assert shown[0]["status"] == 503
    assert api.get("switch")["Total"] == 0


@pytest.mark.parametrize(
    "rule",
    [
        *({"knd": "reset"}, {"kind": "x"}, {"when": "x"}, {"rate": 2}, {"path": "("}, 1),
        *({"rate": "x"}, {"count": "3"}, {"delay_seconds": "1"}, {"method": 5}),
        *({"status": "503"}, {"status": 503.5}, {"status": 101}),
    ],
)
def test_a_wrong_fault_is_refused(api, rule):
    url = api.lab_url("faults")

    assert api.http.post(url, json=rule).status_code == 400
    assert api.http.get(url).json()["faults"] == []
