"""The lab hands hosts over: what is described starts, stays, and is told with its keys."""

from __future__ import annotations

import httpx
import pytest
from emulator import Recorder

from kokunai.lab.contract_hosts import descriptions
from kokunai.lab.hosts import identity

KEY = "ssh-ed25519 AAAA me"
H200 = {"product": "NVIDIA H200", "device": "10de:2335", "count": 8}
GB200 = {"product": "NVIDIA GB200", "device": "10de:2941", "count": 4, "has_tools": False}
RACK = {"name": "r1", "count": 18, "gpu": GB200, "architecture": "aarch64", "user": "ops"}


def deliver(api, *hosts, **body):
    return httpx.post(
        f"{api.url}/contract-hosts/hosts",
        json={"hosts": list(hosts), "ssh_public_keys": [KEY], **body},
        headers={"authorization": api.credentials.header},
        trust_env=False,
    )


def hosts(api):
    headers = {"authorization": api.credentials.header}
    answer = httpx.get(f"{api.url}/contract-hosts/hosts", headers=headers, trust_env=False)
    return answer.json()["hosts"]


@pytest.fixture
def recorder():
    return Recorder()


def test_a_rack_is_its_trays_and_a_second_delivery_starts_nothing_twice(open_api):
    api = open_api()
    one = {"name": "h200", "gpu": H200}

    assert deliver(api, RACK, one).status_code == 201
    assert deliver(api, RACK, one).status_code == 201

    state = api.wait_until_idle()
    assert state["counts"]["contract_hosts"] == 19
    shown = hosts(api)
    assert [row["name"] for row in shown[:2]] == ["r1-t00", "r1-t01"]
    assert {row["status"] for row in shown} == {"up"}
    assert (shown[17]["rack"], shown[17]["tray"], shown[18]["rack"]) == ("r1", 17, "")
    assert len({row["address"] for row in shown}) == 19


def test_a_wrong_description_is_told_at_its_place(open_api):
    answer = deliver(open_api(), {"name": "UPPER", "gpu": {**H200, "device": "x"}})

    assert answer.status_code == 400
    paths = {row["path"] for row in answer.json()["problems"]}
    assert paths == {"hosts[0].name", "hosts[0].gpu.device"}


def test_nobody_without_the_labs_key_is_handed_anything(open_api):
    api = open_api()

    answer = httpx.get(f"{api.url}/contract-hosts/hosts", trust_env=False)

    assert answer.status_code == 401


def test_simulated_hardware_is_labelled_and_a_bare_host_has_no_tool(open_api):
    delivery = descriptions.Delivery.model_validate({"hosts": [RACK], "ssh_public_keys": [KEY]})
    doc = descriptions.documents(delivery)[3]
    doc |= {"id": "1", "disk_id": "2", "interface_id": "3", "shared_host": 250}

    machine = descriptions.machine(doc, open_api().places)
    files = identity.labels(machine)

    label = files["etc/kokunai-simulation"].content
    assert label.startswith("# SIMULATION")
    assert {"architecture: aarch64", "rack: r1", "gpu_count: 4"} <= set(label.splitlines())
    assert "SIMULATION" in files[identity.UNAME].content
    assert identity.NVIDIA_SMI not in files
