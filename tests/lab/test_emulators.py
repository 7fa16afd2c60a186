"""Another seller's emulator joins the lab by one line and shares port, hosts, state and faults."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from emulator import Recorder
from lab_process import QUICK, LabProcess

from kokunai.errors import KokunaiError
from kokunai.lab import emulators
from kokunai.lab.places import Places

PACKAGE = Path(__file__).parent / "ichiban"


@pytest.fixture
def register(monkeypatch):
    """Adds a line to the registry, as an edit of the file would."""
    monkeypatch.syspath_prepend(PACKAGE)
    # The package's entry point is there too then; each test has the emulator from one of the two.
    monkeypatch.setattr(emulators, "_ENTRY_POINTS", "kokunai.emulators.of.nobody")

    def register(*lines):
        monkeypatch.setattr(emulators, "_BUILT_IN", (*emulators._BUILT_IN, *lines))

    return register


@pytest.fixture
def both(register, open_api):
    register("ichiban:EMULATOR")
    return open_api()


def order(api, name="gpu", **headers):
    secret = f"Bearer {api.credentials.secret}"
    return httpx.post(
        f"{api.url}/ichiban/v2/orders",
        json={"name": name},
        headers={"authorization": secret, **headers},
        trust_env=False,
    )


def test_two_sellers_are_served_side_by_side_and_do_not_share_an_account(both):
    mine = order(both)
    theirs = both.make_server(Name="sakura")
    state = both.wait_until_idle()

    assert (mine.status_code, order(both, authorization="x").status_code) == (201, 401)
    assert [row["ID"] for row in both.get("server")["Servers"]] == [theirs["ID"]]
    assert state["emulators"] == [
        "sakura_iaas",
        "sakura_phy",
        "contract_hosts",
        "sakura_object_storage",
        "ichiban",
    ]
    assert state["names"]["servers"] == ["sakura", "gpu"]
    assert (state["counts"]["servers"], state["counts"]["disks"]) == (2, 0)
    assert {row["id"] for row in state["servers"]} == {theirs["ID"], mine.json()["id"]}


def test_the_hosts_of_both_sellers_survive_a_restart_and_unknown_ones_do_not(register, open_api):
    register("ichiban:EMULATOR")
    before = open_api()
    mine, theirs = order(before).json()["id"], before.make_running()["ID"]
    before.wait_until_idle()
    before.stop()
    machines = Recorder()
    machines._on = {mine, theirs, "113999999999"}

    open_api(machines=machines).wait_until_idle()

    assert [call for call in machines.calls if call[0] != "ensure_switch"] == [
        ("power_off", "113999999999", True),
        ("remove_machine", "113999999999"),
    ]


def test_a_fault_answers_as_the_api_that_was_called(both):
    both.faults({"status": 503, "count": 2})

    sakura, ichiban = both.call("GET", "server"), order(both)

    assert sakura.json()["error_code"] == "service_unavailable"
    assert ichiban.json()["ichiban"] == "sorry"
    assert both.state()["calls"]["by_call"] == {"GET server": 1, "POST orders": 1}


def test_a_path_of_no_seller_is_not_found(both):
    response = both.http.get(f"{both.url}/else/where")

    assert response.status_code == 404


def test_the_variables_of_all_sellers_are_given(register, tmp_path):
    places = Places(tmp_path)
    before = emulators.environment_of(places)
    register("ichiban:EMULATOR")

    after = emulators.environment_of(places)

    assert set(after) - set(before) == {"ICHIBAN_API_URL", "ICHIBAN_API_KEY"}
    assert after["ICHIBAN_API_URL"] == f"http://127.0.0.1:{places.port}/ichiban/v2"


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("sakura_iaas", "/other"),
        ("other", "/cloud/zone"),
        ("other", "/cloud"),
        ("other", "/cloud/zone/is1a"),
        ("other", "/_lab/state"),
    ],
)
def test_an_emulator_in_the_place_of_another_is_refused(register, monkeypatch, name, prefix):
    import ichiban

    monkeypatch.setattr(ichiban.EMULATOR, "name", name, raising=False)
    monkeypatch.setattr(ichiban.EMULATOR, "prefix", prefix, raising=False)
    register("ichiban:EMULATOR")

    with pytest.raises(KokunaiError, match=f"{name} \\({prefix}\\) overlaps"):
        emulators.registered()


@pytest.mark.e2e
def test_an_installed_package_adds_its_emulator_by_an_entry_point(tmp_path):
    lab = LabProcess(tmp_path / "lab")
    path = {"PYTHONPATH": os.pathsep.join([str(PACKAGE), os.environ.get("PYTHONPATH", "")])}
    lab.up(*QUICK, **path)

    printed = lab.run("env", **path).stdout
    emulated = lab.state()["emulators"]
    without = lab.run("env").stdout
    lab.run("down", "--purge", **path)

    assert "export ICHIBAN_API_URL=http://127.0.0.1:" in printed
    assert "ICHIBAN" not in without
    assert emulated == [
        "sakura_iaas",
        "sakura_phy",
        "contract_hosts",
        "sakura_object_storage",
        "ichiban",
    ]
    assert not lab.directory.exists()
