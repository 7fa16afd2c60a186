"""A pool of a contract's racks: which trays become its nodes, and what is said of them."""

from __future__ import annotations

import base64
from datetime import date
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
import yaml

from kokunai import capacity, configuration, model, node_pool, resolved
from kokunai.capacity.contract import DOOR
from kokunai.contracts import Contract, Row, pairing
from kokunai.settings import StackSettings
from kokunai.validation import consistency
from support.catalogue import sellers

__all__ = ["sellers"]
SETTINGS = cast("StackSettings", None)
"""Hosts do not depend on them."""
# A made-up rack of four trays with four GPUs each, so that a test can list it.
_ROWS = {"source": "made up", "as_of": "2026-11-28"}
SELLER = {
    "offers": {
        "acme-rack": {
            "site": "kddi-sakai",
            "gpu": "h100",
            "gpu_count": 4,
            "platform": "nvidia-vrt",
            "product": "rack",
            "seller": "kddi",
            "operator": "kddi",
            "driver": "contract",
            "price": {"jpy_per_month": 1},
            "terms": {"architecture": "arm64", "nvlink_domain_gpus": 16},
            **_ROWS,
        }
    },
}


def _key(number: int) -> str:
    """A public key of its own for each host."""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes([number]) * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def _hosts(without: str = "") -> list[dict[str, Any]]:
    every = [
        {
            "name": f"{rack}-{tray}",
            "address": f"10.0.{number}.{tray}",
            "host_key": _key(10 * number + tray),
            "rack": rack,
            "tray": tray,
        }
        for number, rack in enumerate(("r2", "r10"))
        for tray in (4, 3, 2, 1)
    ]
    return [host for host in reversed(every) if host["name"] != without]


def _contract(hosts: list[dict[str, Any]]) -> Contract:
    row = Row.model_validate(
        {
            "offer": "acme-rack",
            "state": "delivered",
            "delivered_on": "2026-11-01",
            "user": "kokunai",
            "hosts": hosts,
            "networks": {"closed": {"cidr": "10.0.0.0/16", "access": "wvs2", "interface": "eth0"}},
        }
    )
    return Contract("racks", row, "contracts.yaml", date(2026, 11, 28))


def _asked(**size: int) -> dict[str, Any]:
    return {"name": "train", "site": "kddi-sakai", "gpu": "h100", "contract": "racks", **size}


@pytest.fixture
def _rack(sellers: Path) -> None:
    (sellers / "acme.yaml").write_text(yaml.safe_dump(SELLER))


def _pool(contract: Contract, **size: int) -> resolved.Pool:
    spec = model.GpuNodePool.model_validate(_asked(**size))
    return resolved.pool(spec, resolved.offer_of(spec), None, [], contract)


@pytest.mark.usefixtures("_rack")
def test_nodes_of_a_rack_meet_in_it_and_say_so(monkeypatch: pytest.MonkeyPatch):
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    pool = _pool(_contract(_hosts()), gpus=20)

    hosts = DOOR.hosts(pool, SETTINGS)
    node_pool._told(pool)

    addresses = [*(f"10.0.0.{tray}" for tray in (1, 2, 3, 4)), "10.0.1.1"]
    assert [host.address for host in hosts] == addresses
    assert [host.domain for host in hosts] == [*["r2"] * 4, "r10"]
    imex = [configuration._imex_nodes(host, hosts, pool) for host in hosts]
    assert imex == [*[addresses[:4]] * 4, ["10.0.1.1"]]
    assert "pool train: spans 2 NVLink domains: r2 (trays 1-4), r10 (trays 1)" in said[0]


@pytest.mark.usefixtures("_rack")
def test_whole_domains_come_from_the_whole_rack():
    pool = _pool(_contract(_hosts(without="r2-3")), nvlink_domains=1)

    assert {host.domain for host in DOOR.hosts(pool, SETTINGS)} == {"r10"}
    assert len(pool.nodes) == 4
    assert list(capacity.remarks(pool)) == []


@pytest.mark.usefixtures("_rack")
def test_a_missing_tray_refuses_whole_domains_by_name():
    contracts = {"racks": _contract(_hosts(without="r10-3"))}

    [problem] = pairing.problems({"pools": [_asked(nvlink_domains=2)]}, contracts)

    assert problem.path == "pools[0].nvlink_domains"
    assert "contract racks: asks for 2 domain(s), but 1 rack(s)" in problem.en
    assert "rack r10 has 3 of 4, missing tray(s) 3" in problem.en


@pytest.mark.usefixtures("_rack")
def test_more_nodes_than_the_contract_has_are_refused():
    [problem] = pairing.problems({"pools": [_asked(node_count=9)]}, {"racks": _contract(_hosts())})

    assert problem.path == "pools[0].node_count"
    assert "asks for 9 server(s), but the contract has 8 host(s) free" in problem.en


@pytest.mark.usefixtures("_rack")
def test_nodes_that_were_handed_over_have_the_addresses_of_their_contract():
    contract = _contract(_hosts())
    row = {"name": "closed", "site": "kddi-sakai", "cidr": "10.0.0.0/16", "contract": "racks"}
    network = resolved.network(model.Network.model_validate(row), None, contract)
    spec = model.GpuNodePool.model_validate(_asked(gpus=16, network="closed"))
    pool = resolved.pool(spec, resolved.offer_of(spec), network, [], contract)

    hosts = DOOR.hosts(pool, SETTINGS)

    assert configuration._imex_nodes(hosts[0], hosts, pool) == [host.address for host in hosts]
    assert [node.address for node in pool.nodes] == [None] * 4
    assert hosts[0].said["private_address"] == "10.0.0.1"


@pytest.mark.usefixtures("_rack")
def test_a_contracts_addresses_refuse_no_stack_file_by_numbers_that_nothing_has():
    network = {"name": "closed", "site": "kddi-sakai", "cidr": "10.0.0.0/29", "contract": "racks"}
    share = {
        "name": "data",
        "network": "closed",
        "size_gib": 100,
        "mount": "/mnt/data",
        "contract": "racks",
    }
    pool = _asked(node_count=8, network="closed", offer="acme-rack", first_host=1)
    stack = {
        "name": "demo",
        "networks": [network],
        "storage": [{**share, "host": 6}],
        "pools": [pool],
        "hosts": {"dns_servers": ["10.0.0.1", "10.0.0.6"]},
    }

    found = [problem.en for problem in consistency.problems(stack)]

    assert [text for text in found if "host number" in text or "10.0.0." in text] == []


@pytest.mark.usefixtures("_rack")
def test_nodes_that_meet_in_the_contracts_only_network_let_each_other_in(tmp_path: Path):
    (tmp_path / "id").write_text("private")
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 demo\n")
    access = {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]}
    settings = StackSettings(
        name="demo", data_class="internal", lab=True, access=access, root=tmp_path
    )

    said = configuration.pool_variables(_pool(_contract(_hosts()), gpus=8), settings)

    assert said["firewall_private_networks"] == ["10.0.0.0/16"]
