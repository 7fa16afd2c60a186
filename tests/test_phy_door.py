"""What the door of the dedicated servers declares, with a contract and without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import kokunai
from kokunai import capacity, catalog, environment, holders, model, resolved
from kokunai.contracts import Contract, pairing
from kokunai.contracts.rows import Row
from kokunai.errors import KokunaiError
from kokunai.validation import consistency
from kokunai_policy import Context, Refusal, Resource, guard
from support.phy_catalogue import OFFER, phy_offer, sellers

if TYPE_CHECKING:
    from pathlib import Path

    from kokunai.parts import Part

__all__ = ["phy_offer", "sellers"]
pytestmark = pytest.mark.usefixtures("phy_offer")


@pytest.fixture
def settings(tmp_path: Path) -> kokunai.StackSettings:
    (tmp_path / "id").write_text("private")
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 demo\n")
    access = {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]}
    return kokunai.StackSettings(
        name="demo", data_class="internal", lab=True, access=access, root=tmp_path
    )


def pool(count: int = 2, **changed: Any) -> resolved.Pool:
    [offer] = [row for row in catalog.offers() if row.key == OFFER]
    spec = model.GpuNodePool(
        name="train",
        site=offer.site,
        gpu=offer.gpu,
        offer=OFFER,
        node_count=count,
        image="ubuntu-22.04",
        **changed,
    )
    return resolved.pool(spec, offer, None, [])


def parts(given: Any, settings: kokunai.StackSettings) -> list[Part]:
    return capacity.door("sakura-phy").parts(given, settings)


class ByContract:
    """A pool as it is once it has a contract."""

    def __init__(self, given: resolved.Pool, **row: Any) -> None:
        self._given = given
        said = {"services": [], "paid_until": None, "reinstall": False, **row}
        self.contract = SimpleNamespace(row=SimpleNamespace(**said))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._given, name)


DAY = "2026-01-15"


def by_row(**row: Any) -> resolved.Pool:
    """A pool of one node whose contract file says this, on a day in June."""
    read = Row.model_validate({"offer": OFFER, **row})
    return replace(pool(1), contract=Contract("phy", read, "c.yaml", date(2026, 6, 1)))


def test_servers_are_found_by_model_and_tag(settings: kokunai.StackSettings) -> None:
    first, second = parts(pool(), settings)

    assert (first.props["model"], first.props["tag"]) == ("H100", "kokunai")
    assert "serviceId" not in first.props
    assert [first.name, second.name] == ["train-0", "train-1"]
    assert first.props["sshPublicKeys"] == ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 demo"]
    assert first.props["labels"]["offer"] == OFFER


def test_a_server_that_a_contract_lists_is_not_found_by_model(
    settings: kokunai.StackSettings,
) -> None:
    def contract(offer: str, state: str, *services: str) -> Any:
        row = SimpleNamespace(offer=offer, state=state, services=list(services))
        return SimpleNamespace(row=row)

    settings.contracts = {
        "other": contract(OFFER, "delivered", "100000000302", "100000000301"),
        "over": contract(OFFER, "returned", "100000000303"),
        "elsewhere": contract("highreso-h200", "delivered", "A-1"),
    }

    [part] = parts(pool(1), settings)

    assert part.props["exceptServices"] == ["100000000301", "100000000302"]


def test_a_contract_names_the_services_and_says_until_when_they_are_paid(
    settings: kokunai.StackSettings,
) -> None:
    listed = [100000000301, "100000000302", "100000000303"]
    given = ByContract(pool(), services=listed, paid_until=date(2027, 3, 31), reinstall=True)

    first, second = parts(given, settings)

    assert [first.props["serviceId"], second.props["serviceId"]] == ["100000000301", "100000000302"]
    assert first.props["paidUntil"] == "2027-03-31"
    assert first.props["reinstall"] is True
    assert "model" not in first.props


def test_the_order_of_the_services_is_nothing(settings: kokunai.StackSettings) -> None:
    listed = ["100000000303", "100000000301", "100000000302"]

    given = parts(ByContract(pool(), services=listed), settings)

    assert [part.props["serviceId"] for part in given] == ["100000000301", "100000000302"]


def test_a_contract_that_does_not_allow_an_installation_gets_none(
    settings: kokunai.StackSettings,
) -> None:
    given = ByContract(pool(1), services=["100000000301"])

    [part] = parts(given, settings)

    assert part.props["reinstall"] is False


def test_a_contract_without_services_never_takes_any_idle_server(
    settings: kokunai.StackSettings,
) -> None:
    with pytest.raises(KokunaiError, match="services は 0 台ですが、node_count は 2"):
        parts(ByContract(pool()), settings)


def test_servers_stay_when_their_contract_is_over_and_go_when_they_are_returned(
    settings: kokunai.StackSettings,
) -> None:
    door, given = capacity.door("sakura-phy"), {"services": ["100000000301"], "delivered_on": DAY}

    over = by_row(state="delivered", paid_until="2026-03-31", **given)
    returned = by_row(state="returned", **given)

    assert over.contract is not None
    assert over.contract.standing == "expired"
    [part] = parts(over, settings)
    assert (part.props["serviceId"], part.props["paidUntil"]) == ("100000000301", "2026-03-31")
    assert door.hosts(over, settings) == []
    assert parts(returned, settings) == []


@pytest.mark.parametrize(
    ("changes", "words", "untrue"),
    [
        ({"paid_until": "2026-03-31"}, "its servers are left as they are", "forgotten"),
        ({"state": "returned"}, "is switched off, cut from its networks", "forgotten"),
    ],
)
def test_a_person_is_told_what_becomes_of_the_servers(
    changes: dict[str, str], words: str, untrue: str
) -> None:
    row = {"state": "delivered", "services": ["100000000301"], "delivered_on": DAY, **changes}
    contract = by_row(**row).contract
    assert contract is not None

    notice = contract.notice("train")

    assert notice is not None
    assert words in notice[1]
    assert untrue not in notice[1]


def test_fewer_services_than_nodes_are_told(settings: kokunai.StackSettings) -> None:
    with pytest.raises(KokunaiError, match="services は 1 台ですが、node_count は 2"):
        parts(ByContract(pool(), services=["100000000301"]), settings)


def test_a_large_pool_has_the_time_that_the_limit_of_calls_takes(
    settings: kokunai.StackSettings,
) -> None:
    [part, *_] = parts(pool(100), settings)

    assert part.timeout_seconds is not None
    assert part.timeout_seconds >= 3600 + 2 * 3600


def test_hosts_are_reached_by_the_bond_and_know_their_installation(
    settings: kokunai.StackSettings,
) -> None:
    door = capacity.door("sakura-phy")
    [host] = door.hosts(pool(1), settings)

    assert (host.user, host.interfaces) == ("ubuntu", (resolved.Interface("bond0"),))
    assert (host.identity.output, host.address.output) == ("hostIdentity", "address")  # type: ignore[union-attr]
    assert door.collective_interface(pool(1)) == "bond0"


def test_the_stack_remembers_its_data(settings: kokunai.StackSettings) -> None:
    [part] = parts(pool(1), settings)

    [row] = holders.part(part, [part], settings).props["holders"]

    assert row["inputs"] == {
        "model": "H100",
        "reinstall": True,
        "osImage": "Ubuntu 22.04",
        "storageGib": 0,
    }
    assert row["pool"] == "train"


def test_the_stack_remembers_which_server_and_how_large_its_disks_are(
    settings: kokunai.StackSettings,
) -> None:
    plain = pool(1)
    shaped = replace(plain, offer=plain.offer.model_copy(update={"shape": "phy-h100"}))

    [part] = parts(ByContract(shaped, services=["100000000301"]), settings)

    [row] = holders.part(part, [part], settings).props["holders"]
    assert row["inputs"]["serviceId"] == "100000000301"
    assert row["inputs"]["storageGib"] == 2 * 894 + 4 * 7152


def test_the_rules_judge_a_dedicated_server(settings: kokunai.StackSettings) -> None:
    [part] = parts(pool(1), settings)
    good = Resource(type=part.pulumi_type, name=part.name, props=part.props)
    elsewhere = replace(good, props={**part.props, "site": "frankfurt-1"})
    mislabelled = replace(
        good, props={**part.props, "labels": {**part.props["labels"], "site": "kddi-sakai"}}
    )
    context = Context(lab=True)

    guard([good], context)

    for wrong in (elsewhere, mislabelled):
        with pytest.raises(Refusal, match="KN-LOC-01"):
            guard([wrong], context)


def test_a_stack_file_with_dedicated_servers_is_declared_whole(
    settings: kokunai.StackSettings,
) -> None:
    row = {
        "name": "train",
        "site": "sakura-ishikari",
        "gpu": "h100",
        "offer": OFFER,
        "node_count": 1,
        "image": "ubuntu-22.04",
    }
    spec = model.Environment.model_validate(
        {**settings.spec.model_dump(exclude={"hosts"}), "pools": [row]}
    )

    declared = {part.pulumi_type: part for part in environment.parts_of(spec, settings)}

    assert list(consistency.problems(spec.model_dump(exclude_none=True))) == []
    configuration = declared["kokunai:ansible:Configuration"]
    [host] = configuration.props["hosts"]
    assert host["serverId"] == declared["kokunai:sakura:DedicatedServer"].link("hostIdentity")
    assert configuration.props["variables"]["verify_expected_gpu_count"] == 8
    assert configuration.props["variables"]["nccl_environment"]["NCCL_SOCKET_IFNAME"] == "=bond0"


@pytest.mark.parametrize(
    ("network", "state", "is_refused"),
    [
        ({}, "delivered", True),
        ({"service": "300000000001"}, "delivered", False),
        # What is not delivered yet has no id.
        ({}, "applied", False),
    ],
)
def test_a_network_to_which_servers_are_connected_needs_its_id(
    network: dict[str, str], state: str, *, is_refused: bool
) -> None:
    closed = {"cidr": "192.168.30.0/24", "access": "internet", "interface": "bond0.1", **network}
    row = Row.model_validate(
        {"offer": OFFER, "state": state, "services": ["100000000301"], "networks": {"lan": closed}}
    )
    pool_row = {"name": "tune", "site": "sakura-ishikari", "gpu": "h100", "offer": OFFER}
    rows = {
        "networks": [{**closed, "name": "lan", "site": "sakura-ishikari", "contract": "phy"}],
        "pools": [{**pool_row, "node_count": 1, "network": "lan", "contract": "phy"}],
    }

    contracts = {"phy": Contract("phy", row, "c.yaml", date(2026, 11, 28))}

    found = list(pairing.problems(rows, contracts))

    assert [problem.path for problem in found] == ["networks[0].contract"] * is_refused
    assert all("write service" in problem.en for problem in found)
    alone = {**rows, "pools": [{**rows["pools"][0], "network": None}]}
    assert list(pairing.problems(alone, contracts)) == []
