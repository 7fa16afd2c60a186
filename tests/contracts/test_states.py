"""A stack with a contract in each state: what is declared, what is said, and nothing is blocked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

import kokunai
from kokunai import capacity, stack_file
from kokunai.environment import Environment
from kokunai.errors import KokunaiError
from support.catalogue import sellers
from support.contract_hosts import OFFER, SHARE, ContractHosts, by_contract, contract_hosts
from support.pulumi_mocks import Recorder, declared, loops, recorder, root

__all__ = ["by_contract", "contract_hosts", "loops", "recorder", "root", "sellers"]
ACCESS = {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]}
HOST, RUN = "kokunai:contract:Host", "kokunai:ansible:Configuration"
POOL = {
    "name": "rack",
    "site": "kddi-sakai",
    "gpu": "h100",
    "offer": OFFER,
    "node_count": 2,
    "network": "cluster",
    "contract": "box",
}
STACK = {
    "name": "demo",
    "data_class": "internal",
    "lab": True,
    "access": ACCESS,
    "contracts": ["contracts.yaml"],
    "hosts": {"dns_servers": ["133.242.0.3"]},
    "networks": [
        {"name": "cluster", "site": "kddi-sakai", "cidr": "192.168.10.0/24", "contract": "box"}
    ],
    "storage": [
        {
            "name": "data",
            "network": "cluster",
            "size_gib": 100,
            "mount": "/mnt/data",
            "contract": "box",
        }
    ],
    "pools": [POOL, {"name": "train", "site": "sakura-ishikari", "gpu": "h100", "node_count": 1}],
}
STATES = {
    "applied": {"state": "applied", "applied_on": "2026-01-10", "delivered_on": None},
    "awaiting": {"state": "awaiting", "applied_on": "2026-01-10", "delivered_on": None},
    "delivered": {},
    "returning": {"state": "returning", "paid_until": "9999-12-31"},
    "returned": {"state": "returned"},
    "expired": {"paid_until": "2026-01-31"},
}
IN_USE = {"delivered", "returning"}


def environment(root: Path, **changes: Any) -> Environment:
    return Environment(stack_file.read({**STACK, **changes}), root=root)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person is told, with how loudly."""
    lines: list[str] = []
    for level in ("info", "warn"):

        def tell(message: str, *_: Any, level: str = level) -> None:
            lines.append(f"{level}: {message}")

        monkeypatch.setattr(f"pulumi.log.{level}", tell)
    return lines


@pytest.mark.parametrize("state", STATES)
def test_a_stack_file_works_at_every_state(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts, said: list[str], state: str
):
    contract_hosts.write_contract(**STATES[state])
    made: list[Environment] = []

    seen = declared(recorder, lambda: made.append(environment(root))).seen

    is_there = state in IN_USE
    assert ((HOST, "rack-1") in seen, (RUN, "rack") in seen) == (is_there, is_there)
    assert ("kokunai:contract:Network", "cluster") in seen or not is_there
    assert ("kokunai:contract:Share", "data") in seen or not is_there
    # The rest of the stack is made whatever became of the contract.
    assert ("kokunai:sakura:Server", "train-0") in seen
    assert (RUN, "train") in seen
    assert made[0].contracts["box"]["state"] == state
    told = [line for line in said if "rack: " in line]
    assert bool(told) == (state != "delivered")
    assert any(line.startswith("warn") for line in told) == (state in {"returning", "expired"})


@pytest.mark.parametrize(
    ("changes", "is_there"), [({}, True), ({"state": "returned"}, False), (STATES["expired"], True)]
)
def test_dedicated_servers_stay_until_they_are_returned_and_a_loss_is_foreseen(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts, changes: Any, is_there: bool
):
    given = {"offer": "sakura-phy-h100", "services": ["100000000101"], "hosts": None}
    contract_hosts.write_contract(**{**given, **changes})
    pool = {**POOL, "site": "sakura-ishikari", "offer": given["offer"], "node_count": 1}
    pool["image"] = "ubuntu-22.04"
    pool = {key: value for key, value in pool.items() if key != "network"}

    seen = declared(recorder, lambda: environment(root, pools=[pool], networks=[], storage=[])).seen

    assert (("kokunai:sakura:DedicatedServer", "rack-0") in seen) == is_there
    assert ((RUN, "rack") in seen) == (changes == {})
    holders = next(row for key, row in seen.items() if key[0] == "kokunai:stack:DataHolders")
    assert [row["name"] for row in holders["holders"]] == (["rack-0"] if is_there else [])
    assert holders["site"] == "sakura-ishikari"


def test_networks_and_shares_name_who_sells_the_contract(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts
):
    contract_hosts.write_contract()

    seen = declared(recorder, lambda: environment(root)).seen

    for key in (("kokunai:contract:Network", "cluster"), ("kokunai:contract:Share", "data")):
        labels = seen[key]["labels"]
        assert (labels["seller"], labels["operator"]) == ("highreso", "kddi")
        assert labels["offer"] == OFFER


def test_what_is_awaited_and_since_when_is_said(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts, said: list[str]
):
    contract_hosts.write_contract(**STATES["awaiting"])

    declared(recorder, lambda: environment(root, pools=[POOL], storage=[]))

    assert any(f"contract box ({OFFER}) is awaited, applied for on 2026-01-10" in x for x in said)


@pytest.mark.parametrize("state", STATES)
def test_a_program_works_at_every_state(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts, said: list[str], state: str
):
    files = contract_hosts.write_contract(**STATES[state])
    made: dict[str, Any] = {}

    def program() -> None:
        ours = kokunai.StackSettings(
            name="demo",
            data_class="internal",
            lab=True,
            access=ACCESS,
            hosts=STACK["hosts"],
            contracts=files,
            root=root,
        )
        network = kokunai.ClusterNetwork(
            "cluster", site="kddi-sakai", cidr="192.168.10.0/24", contract="box", settings=ours
        )
        arguments = {key: POOL[key] for key in ("site", "gpu", "offer", "node_count", "contract")}
        pool = kokunai.GpuNodePool("rack", network=network, **arguments)
        made["pool"], made["run"] = pool, kokunai.NodeConfiguration("rack", pool=pool)

    seen = declared(recorder, program).seen

    assert ((HOST, "rack-0") in seen) == (state in IN_USE)
    assert made["pool"].contract["state"] == state


def test_hosts_are_configured_after_they_were_looked_at_and_by_their_key(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts
):
    jump = {"jump": "gate@203.0.113.5:2222"}
    rows = [{**row, **jump} for row in contract_hosts.contract()["hosts"]]
    contract_hosts.write_contract(hosts=rows, paid_until="9999-12-31", user="ops")
    made: list[Environment] = []

    seen = declared(recorder, lambda: made.append(environment(root))).seen

    run = seen[RUN, "rack"]
    [first, _] = run["hosts"]
    # The mocks' own answer: the run waits for what the look at the host says.
    assert first["serverId"] == "1"
    assert (first["hostKey"], first["jump"], first["user"]) == (
        rows[0]["host_key"],
        "gate@203.0.113.5:2222",
        "ops",
    )
    assert seen[HOST, "rack-0"]["owner"] == first["owner"]
    assert seen[HOST, "rack-0"]["expected"]["gpuCount"] == 8
    [mount] = run["variables"]["storage_client_mounts"]
    assert f"{mount['server']}:{mount['export']}" == SHARE["source"]


def test_the_rules_let_a_board_controller_through_and_its_login_is_the_providers(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts
):
    bmc = {"url": "https://10.9.0.11/", "certificate_sha256": "ab" * 32}
    rows = [{**row, "bmc": bmc} for row in contract_hosts.contract()["hosts"]]
    contract_hosts.write_contract(hosts=rows, power="allowed")
    spec = stack_file.read(STACK)
    secrets = {"bmcUser": pulumi.Output.secret("u"), "bmcPassword": pulumi.Output.secret("p")}

    seen = declared(recorder, lambda: Environment(spec, root=root, secrets=secrets)).seen

    assert seen[HOST, "rack-0"]["bmc"] == {
        "url": "https://10.9.0.11/",
        "certificateSha256": "ab" * 32,
    }
    provider = seen["pulumi:providers:kokunai", "demo"]
    assert {"bmcUser", "bmcPassword"} <= provider.keys()
    # Without a login the look at the host still works, so none is demanded.
    assert capacity.missing_credentials([HOST], [], {}) == []


def test_outputs_tell_seller_operator_access_price_and_paid_until(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts
):
    contract_hosts.write_contract(price={"jpy_per_month": 5}, paid_until="9999-12-31")
    found: dict[str, Any] = {}

    def program() -> None:
        made = environment(root)
        made.nodes["rack"].apply(found.update)

    declared(recorder, program)

    node = found["rack-0"]
    wanted = {
        "seller": "highreso",
        "operator": "kddi",
        "site": "kddi-sakai",
        "access": "wvs2",
        "price": {"jpy_per_month": 5.0},
        "paid_until": "9999-12-31",
        "address": "192.168.10.11",
        "private_address": "192.168.10.11",
    }
    assert wanted.items() <= node.items()


def test_a_pool_on_one_of_two_hosts_bears_half_of_the_contracts_price(
    recorder: Recorder, root: Path, contract_hosts: ContractHosts
):
    contract_hosts.write_contract(price={"jpy_per_month": 4_000_000}, term_months=12)
    made: list[kokunai.Environment] = []

    pools = [{**STACK["pools"][0], "node_count": 1}]
    declared(recorder, lambda: made.append(environment(root, pools=pools)))

    assert made[0].offers["rack"]["jpy_per_month"] == 2_000_000


@pytest.mark.parametrize(
    ("section", "changes", "place", "words"),
    [
        (
            "pools",
            {"contract": "other"},
            "pools[0].contract",
            "no contract file; there are: box",
        ),
        ("pools", {"contract": None}, "pools[0].contract", "is had by a contract"),
        ("pools", {"node_count": 3}, "pools[0].node_count", "has 2 host(s)"),
        ("networks", {"contract": None}, "networks[0].contract", "come with a contract"),
        ("networks", {"cidr": "192.168.11.0/24"}, "networks[0].cidr", "says 192.168.10.0/24"),
        ("networks", {"name": "mesh"}, "networks[0].name", "it has: cluster"),
        ("storage", {"name": "home"}, "storage[0].name", "it has: data"),
    ],
)
def test_what_does_not_fit_the_contract_is_refused_at_its_place(  # noqa: PLR0917 - a table's row
    root: Path,
    contract_hosts: ContractHosts,
    recorder: Recorder,
    section: str,
    changes: dict[str, Any],
    place: str,
    words: str,
):
    contract_hosts.write_contract()
    pools = [{**POOL, "network": "mesh"}] if changes.get("name") == "mesh" else [POOL]
    stack: dict[str, Any] = {**STACK, "pools": pools}
    first, *rest = stack[section]
    row = {key: value for key, value in {**first, **changes}.items() if value is not None}
    storage = [] if changes.get("name") == "mesh" else stack["storage"]

    with pytest.raises(KokunaiError) as refusal:
        environment(root, **{"storage": storage, "pools": pools, section: [row, *rest]})

    line = next(line for line in refusal.value.en.splitlines() if words in line)
    assert f"environment.{place}" in line


def test_two_pools_never_get_the_same_machines(
    root: Path, contract_hosts: ContractHosts, recorder: Recorder
):
    contract_hosts.write_contract()
    second = {**POOL, "name": "again", "first_host": 51}

    with pytest.raises(KokunaiError, match=r"pools\[1\]\.contract: .*belong to pools\[0\]"):
        environment(root, pools=[POOL, second])


def test_a_mistake_in_the_contract_file_is_told_before_anything_is_declared(
    root: Path, contract_hosts: ContractHosts, recorder: Recorder
):
    (root / "contracts.yaml").write_text(yaml.safe_dump({"contracts": {"box": {"offer": "x"}}}))

    with pytest.raises(KokunaiError, match=r"contracts\.yaml contracts\.box\.state: is required"):
        environment(root)
    assert recorder.seen == {}
