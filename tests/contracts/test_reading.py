"""Contract files: every mistake is told with its file and place, and time makes no new one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from kokunai.contracts import reading
from kokunai.contracts.rows import Row
from kokunai.errors import KokunaiError
from support.catalogue import sellers
from support.contract_hosts import NETWORK, OFFER, by_contract, host_key

__all__ = ["by_contract", "sellers"]
pytestmark = pytest.mark.usefixtures("by_contract")
TODAY = date(2026, 6, 1)
APPLIED = {"offer": OFFER, "state": "applied", "applied_on": "2026-05-01"}


def host(number: int, **changes: Any) -> dict[str, Any]:
    given = {"name": f"h{number}", "address": f"10.0.0.{number}", "host_key": host_key(number)}
    return {**given, **changes}


def delivered(**changes: Any) -> dict[str, Any]:
    given = {
        "offer": OFFER,
        "state": "delivered",
        "applied_on": "2026-01-10",
        "delivered_on": "2026-03-01",
        "hosts": [host(1), host(2)],
    }
    return {key: value for key, value in {**given, **changes}.items() if value is not None}


def share(source: str, **changes: Any) -> dict[str, Any]:
    return {"shares": {"d": {"kind": "nfs", "source": source, **changes}}}


def read(root: Path, *, on: date = TODAY, **rows: Any) -> Any:
    (root / "c.yaml").write_text(yaml.safe_dump({"contracts": rows}))
    return reading.read(root, ["c.yaml"], on)


def refused(root: Path, **rows: Any) -> KokunaiError:
    with pytest.raises(KokunaiError) as refusal:
        read(root, **rows)
    return refusal.value


def test_a_sound_file_is_read_with_keys_and_dates(tmp_path: Path):
    price = {"jpy_per_month": 1_000_000, "tax_included": False}
    row = delivered(paid_until="2027-02-28", price=price, networks={"cluster": NETWORK})

    found = read(tmp_path, kddi=row, later=APPLIED)

    assert found["kddi"].standing == "delivered"
    assert found["kddi"].row.paid_until == date(2027, 2, 28)
    assert [one.name for one in found["kddi"].hosts] == ["h1", "h2"]
    assert found["later"].standing == "applied"
    assert found["later"].hosts == ()


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 2),
        ({"hosts": None, "services": ["1", "2", "3"]}, 3),
        ({"hosts": [host(1)], "slurm": {"partition": "gpu"}}, None),
    ],
)
def test_a_contract_says_how_many_servers_its_price_is_for(
    changes: dict[str, Any], count: int | None
):
    assert Row.model_validate(delivered(**changes)).server_count == count
    assert Row.model_validate(APPLIED).server_count is None


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"offer": "unheard-of"}, "offer", "not in the catalogue"),
        ({"state": "ordered"}, "state", "must be one of"),
        ({"surprise": 1}, "surprise", "is not a known key"),
        ({"state": "awaiting"}, "delivered_on", "contradicts state awaiting"),
        ({"delivered_on": None}, "delivered_on", "is required in state delivered"),
        ({"delivered_on": "2025-12-31"}, "delivered_on", "is before applied_on, 2026-01-10"),
        ({"delivered_on": "2026-06-02"}, "delivered_on", "is after today, 2026-06-01"),
        ({"paid_until": "2026-02-01"}, "paid_until", "is before delivered_on"),
        ({"paid_until": "soon"}, "paid_until", "date"),
        ({"state": "returning"}, "paid_until", "is required in state returning"),
        ({"hosts": []}, "hosts", "hosts or services are required"),
        ({"price": {}}, "price", "needs one of: jpy_per_month"),
        ({"price": {"jpy_per_month": float("inf")}}, "price.jpy_per_month", "number"),
        ({"price": {"jpy_per_month": 0}}, "price.jpy_per_month", "greater than 0"),
        ({"price": {"jpy_per_day": 1e13}}, "price.jpy_per_day", "at most"),
        ({"price": {"jpy_per_minute": 1e11}}, "price.jpy_per_minute", "at most"),
        ({"price": {"jpy_total": 100}}, "kddi", "price.jpy_total needs term_months"),
        ({"hosts": [host(1, host_key="ssh-ed25519 AAAA")]}, "host_key", "must be an SSH host key"),
        ({"hosts": [host(1, host_key=None)]}, "host_key", "must be text"),
        ({"hosts": [host(1, jump="-oProxyCommand=x@y")]}, "jump", "must be user@host"),
        ({"hosts": [host(1, address="-oProxyCommand=x")]}, "address", "host name"),
        ({"hosts": [host(1, address="2001:db8::5")]}, "address", "IPv6 addresses are not"),
        ({"hosts": [host(1, jump="ops@2001:db8::a")]}, "jump", "IPv6 addresses are not"),
        ({"hosts": [host(1, jump="ops@2001:db8::a:22")]}, "jump", "IPv6 addresses are not"),
        ({"hosts": [host(1, jump="ops@[2001:db8::a]:22")]}, "jump", "IPv6 addresses are not"),
        ({"shares": {"d": {"kind": "nfs", "source": "server"}}}, "shares.d", "server:/path"),
        ({"networks": {"c": {**NETWORK, "access": "vpn"}}}, "networks.c.access", "wvs2"),
        (share("8.8.8.8:/x"), "shares.d.source", "nor in a private range"),
        (share("files.example.com:/x"), "shares.d", "needs the file server's IPv4 address"),
        ({"services": ["a1", "a1"]}, "services[1]", "is that of c.yaml contracts.kddi.services[0]"),
    ],
)
def test_a_mistake_is_told_at_its_place(
    tmp_path: Path, changes: dict[str, Any], place: str, said: str
):
    refusal = refused(tmp_path, kddi=delivered(**changes))

    line = next(line for line in refusal.en.splitlines() if said in line)
    assert line.strip().startswith("c.yaml contracts.kddi")
    assert place in line.partition(": ")[0]
    assert "契約ファイルに 1 件の誤り" in refusal.ja


@pytest.mark.parametrize(
    ("second", "field"),
    [
        (host(2, address="10.0.0.1"), "address"),
        (host(2, host_key=host_key(1)), "host_key"),
        (host(2, name="h1"), "name"),
    ],
)
def test_two_hosts_are_never_one(tmp_path: Path, second: dict[str, Any], field: str):
    refusal = refused(tmp_path, kddi=delivered(hosts=[host(1), second]))

    assert f"c.yaml contracts.kddi.hosts[1].{field}: is that of c.yaml contracts.kddi.hosts[0]" in (
        refusal.en
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"address": "H1.example.jp"}, {"address": "h1.example.jp"}),
        (
            {"address": "10.0.0.1", "jump": "gate@GW.example.jp"},
            {"address": "10.0.0.1", "jump": "gate@gw.example.jp"},
        ),
    ],
)
def test_case_makes_no_other_host(tmp_path: Path, first: dict[str, Any], second: dict[str, Any]):
    refusal = refused(tmp_path, kddi=delivered(hosts=[host(1, **first), host(2, **second)]))

    assert "hosts[1].address: is that of c.yaml contracts.kddi.hosts[0]" in refusal.en


def test_a_service_is_in_one_contract(tmp_path: Path):
    given = {"hosts": None, "services": ["100000000101"]}

    refusal = refused(tmp_path, a=delivered(**given), b=delivered(**given))

    assert "contracts.b.services[0]: is that of c.yaml contracts.a.services[0]" in refusal.en


def test_services_of_dedicated_servers_have_the_form_of_their_api(tmp_path: Path):
    network = {"cluster": {**NETWORK, "service": "lan"}}
    given = {"offer": "sakura-phy-h100", "services": ["100000000101", "abc"], "networks": network}

    refusal = refused(tmp_path, phy=delivered(hosts=None, **given))

    assert "c.yaml contracts.phy.services[1]: abc is no service id" in refusal.en
    assert "c.yaml contracts.phy.networks.cluster.service: lan is no service id" in refusal.en
    # Another seller's ids may look as they like.
    assert read(tmp_path, kddi=delivered(services=["abc"]))


@pytest.mark.parametrize(
    "row",
    [
        share("172.16.0.9:/x"),
        share("203.0.113.9:/x", allow_any_range=True),
        {**share("203.0.113.9:/x"), "networks": {"c": {**NETWORK, "cidr": "203.0.113.0/24"}}},
        {"shares": {"d": {"kind": "lustre", "source": "mgs@tcp:/x"}}},
    ],
)
def test_a_share_near_the_nodes_is_accepted(tmp_path: Path, row: dict[str, Any]):
    assert read(tmp_path, kddi=delivered(**row))


def test_a_key_that_is_no_name_is_told_at_its_place(tmp_path: Path):
    (tmp_path / "c.yaml").write_text("contracts:\n  1: {}\n  A b: {}\n")

    with pytest.raises(KokunaiError) as refusal:
        reading.read(tmp_path, ["c.yaml"], TODAY)

    assert "c.yaml contracts.1: as a key has the wrong form" in refusal.value.en
    assert 'c.yaml contracts["A b"]: as a key has the wrong form' in refusal.value.en
    assert "[key]" not in refusal.value.en


def test_a_host_of_another_contract_is_refused_unless_that_one_is_over(tmp_path: Path):
    over = delivered(paid_until="2026-05-31")

    assert "contracts.b.hosts[0].address" in refused(tmp_path, a=delivered(), b=delivered()).en
    assert read(tmp_path, a=over, b=delivered())["a"].standing == "expired"


def test_all_mistakes_are_told_at_once(tmp_path: Path):
    refusal = refused(tmp_path, a=delivered(offer="x"), b={**APPLIED, "applied_on": None}, c=3)

    assert "契約ファイルに 3 件の誤り" in refusal.ja
    assert all(f"contracts.{key}" in refusal.en for key in "abc")


@pytest.mark.parametrize("row", [APPLIED, delivered(paid_until="2026-06-10")])
def test_no_file_becomes_wrong_as_time_passes(tmp_path: Path, row: dict[str, Any]):
    assert read(tmp_path, on=date(2031, 1, 1), kddi=row)


def test_the_last_paid_day_is_still_ours_in_japan(tmp_path: Path):
    row = delivered(paid_until="2026-06-01")

    assert read(tmp_path, kddi=row)["kddi"].standing == "delivered"
    assert read(tmp_path, on=date(2026, 6, 2), kddi=row)["kddi"].standing == "expired"


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(KokunaiError, match=r"gone\.yaml: cannot be read"):
        reading.read(tmp_path, ["gone.yaml"], TODAY)
