"""A stack asks no more of a contract than what it hands over, and where it hands it over."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from kokunai import catalog
from kokunai.contracts import Contract, pairing
from kokunai.contracts.rows import Row
from support.catalogue import sellers
from support.contract_hosts import NETWORK, OFFER, SHARE, by_contract, host_key

__all__ = ["by_contract", "sellers"]
pytestmark = pytest.mark.usefixtures("by_contract")
PHY, VRT = "sakura-phy-h100", "sakura-vrt-h100"
SERVICES = ["100000000101", "100000000102"]
AT_SAKURA = {"site": "sakura-ishikari", "gpu": "h100", "node_count": 1}
LAN = {"name": "lan", "site": "sakura-ishikari", "cidr": "192.168.20.0/24"}
CLUSTER = {"name": "cluster", "site": "kddi-sakai", "cidr": "192.168.10.0/24", "contract": "box"}
DATA = {"name": "data", "network": "cluster", "size_gib": 100, "mount": "/d", "contract": "box"}


def contract(offer: str = OFFER, **changes: Any) -> Contract:
    row = {"offer": offer, "state": "delivered", "delivered_on": "2026-01-15", **changes}
    return Contract("box", Row.model_validate(row), "c.yaml", date(2026, 6, 1))


def boxes(**changes: Any) -> Contract:
    hosts = [{"name": "h1", "address": "192.168.10.11", "host_key": host_key(1)}]
    given = {"hosts": hosts, "networks": {"cluster": NETWORK}, "shares": {"data": SHARE}}
    return contract(**{**given, **changes})


def refused(*contracts: Contract, **rows: list[dict[str, Any]]) -> list[str]:
    found = pairing.problems(rows, {row.key: row for row in contracts})
    return [f"{problem.path}: {problem.en}" for problem in found]


def pool(offer: str, **changes: Any) -> dict[str, Any]:
    return {"name": "train", "offer": offer, "contract": "box", **AT_SAKURA, **changes}


@pytest.mark.parametrize("state", ["applied", "delivered", "returned"])
def test_what_an_api_sells_is_never_had_by_a_contract(state: str):
    [line] = refused(contract(VRT, state=state, services=SERVICES), pools=[pool(VRT)])

    assert line.startswith("pools[0].contract: ")
    assert "is ordered by API" in line


def test_dedicated_servers_of_a_contract_are_named():
    given = {"hosts": [{"name": "h1", "address": "192.0.2.1", "host_key": host_key()}]}

    [line] = refused(contract(PHY, **given), pools=[pool(PHY)])

    assert line.startswith("pools[0].contract: ")
    assert "write the service ids" in line
    assert refused(contract(PHY, services=SERVICES[:1]), pools=[pool(PHY)]) == []
    assert refused(contract(PHY, state="applied"), pools=[pool(PHY)]) == []


def test_more_nodes_than_services_are_told_at_their_place():
    [line] = refused(contract(PHY, services=SERVICES), pools=[pool(PHY, node_count=3)])

    assert line.startswith("pools[0].node_count: contract box: it lists 2 service(s)")


def test_a_contract_without_hosts_has_none_of_the_nodes():
    rack = {**pool(OFFER), "site": "kddi-sakai", "node_count": 2}

    [line] = refused(contract(services=["a1"]), pools=[rack])

    assert "pools[0].node_count: contract box: " in line
    assert "has 0 host(s)" in line


def test_a_slurm_cluster_without_a_login_node_is_refused():
    given = {"services": ["a1"], "slurm": {"partition": "gpu"}}
    slurm = next(row for row in catalog.offers() if row.driver == "contract-slurm")
    row = {**pool(slurm.key), "site": slurm.site, "gpu": slurm.gpu}

    [line] = refused(contract(slurm.key, **given), pools=[row])

    assert line.startswith("pools[0].contract: contract box: write the cluster's login node")


def test_a_service_belongs_to_one_pool():
    first, second = pool(PHY), pool(PHY, name="tune")
    again = contract(PHY, services=SERVICES)
    other = Contract("other", contract(PHY, services=SERVICES[:1]).row, "c.yaml", again.on)
    over = contract(PHY, services=SERVICES, paid_until="2026-05-01")

    for contracts, rows in (
        ([again], [first, second]),
        ([again, other], [first, {**second, "contract": "other"}]),
        ([over, other], [first, {**second, "contract": "other"}]),
    ):
        [line] = refused(*contracts, pools=rows)
        assert line.startswith("pools[1].contract: ")
        assert "belong to pools[0]" in line


def test_a_share_of_a_contract_stands_in_a_network_of_one():
    at_sakura = contract(PHY, services=SERVICES, shares={"data": SHARE})

    [line] = refused(at_sakura, networks=[LAN], storage=[{**DATA, "network": "lan"}])

    assert line.startswith("storage[0].contract: network lan is made by API")
    assert refused(boxes(), networks=[CLUSTER], storage=[DATA]) == []


def test_a_share_in_a_network_of_a_contract_names_one():
    row = {key: value for key, value in DATA.items() if key != "contract"}

    [line] = refused(boxes(), networks=[CLUSTER], storage=[row])

    assert line.startswith("storage[0].contract: shares in cluster come with a contract")


def test_what_cannot_be_mounted_is_told_at_its_place():
    lustre = {"data": {"kind": "lustre", "source": "10.0.0.1@tcp:/scratch"}}

    [line] = refused(boxes(shares=lustre), networks=[CLUSTER], storage=[DATA])

    assert line.startswith("storage[0].name: contract box hands over lustre")


def test_a_share_outside_of_the_network_that_is_joined_is_refused():
    public = {**NETWORK, "cidr": "203.0.113.0/24"}
    source = {"data": {"kind": "nfs", "source": "203.0.113.9:/x"}}
    handed = boxes(networks={"cluster": NETWORK, "open": public}, shares=source)
    within = boxes(networks={"cluster": public}, shares=source)

    [line] = refused(handed, networks=[CLUSTER], storage=[DATA])

    assert "neither in the contract's network nor in a private range" in line
    joined = {**CLUSTER, "cidr": "203.0.113.0/24"}
    assert refused(within, networks=[joined], storage=[DATA]) == []


def test_networks_and_shares_stand_at_the_site_of_their_contract():
    phy = contract(PHY, services=SERVICES, networks={"cluster": NETWORK}, shares={"data": SHARE})

    lines = refused(phy, networks=[CLUSTER], storage=[DATA])

    assert [line.partition(":")[0] for line in lines] == [
        "networks[0].contract",
        "storage[0].contract",
    ]
    assert all("is for sakura-ishikari, not for kddi-sakai" in line for line in lines)


def test_the_offers_of_this_file_are_real():
    drivers = {row.key: row.driver for row in catalog.offers()}

    assert (drivers[PHY], drivers[VRT]) == ("sakura-phy", "sakura-iaas")
