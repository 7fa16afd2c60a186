"""What the rules will say is told of a stack file without an engine, at the file's own paths."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kokunai.stack_check import findings
from kokunai_policy.context import today_in_japan

RIGHT: dict[str, Any] = {
    "name": "demo",
    "data_class": "internal",
    "access": {"private_key_file": "no/such/key", "ssh_from": ["198.51.100.0/24"]},
    "hosts": {
        "package_sources": [{"uri": "http://ftp.jp.debian.org/debian", "suites": ["bookworm"]}]
    },
    "networks": [{"name": "cluster", "site": "sakura-ishikari", "cidr": "192.168.10.0/24"}],
    "storage": [{"name": "data", "network": "cluster", "size_gib": 100, "mount": "/mnt/data"}],
    "pools": [
        {
            "name": name,
            "site": "sakura-ishikari",
            "gpu": "h100",
            "node_count": 2,
            "network": "cluster",
            "first_host": host,
        }
        for name, host in (("train", 11), ("serve", 21))
    ],
}


def found(tmp_path: Path, key: str = "environment", **changes: Any) -> list[tuple[str, str]]:
    top = {name: changes.pop(name) for name in ("secretsprovider",) if name in changes}
    file = tmp_path / "Pulumi.demo.yaml"
    content = {**RIGHT, **changes}
    if key == "settings":
        content = {name: content[name] for name in ("name", "data_class", "access", "hosts")}
    file.write_text(yaml.safe_dump({"config": {f"kokunai:{key}": content}, **top}))
    return [(row.path, row.en.split()[0]) for row in findings(file, tmp_path)]


def test_a_right_file_has_no_finding_whether_or_not_its_key_is_there(tmp_path: Path):
    assert found(tmp_path) == []


@pytest.mark.parametrize("key", ["environment", "settings"])
def test_a_finding_is_told_once_for_all_pools_where_the_file_has_the_value(
    tmp_path: Path, key: str
):
    at = f"config.kokunai:{key}.hosts"
    hosts = {
        "ntp_servers": ["ntp.nict.jp", "time.google.com"],
        "dns_servers": ["8.8.8.8"],
        "package_sources": [{"uri": "http://deb.debian.org/debian", "suites": ["bookworm"]}],
    }

    assert sorted(found(tmp_path, key, hosts=hosts)) == [
        (f"{at}.dns_servers[0]", "KN-DNS-01"),
        (f"{at}.ntp_servers[1]", "KN-NTP-01"),
        (f"{at}.package_sources[0].uri", "KN-PKG-01"),
    ]


def test_what_is_left_out_is_told_at_the_key_that_is_missing(tmp_path: Path):
    assert found(tmp_path, hosts={}) == [
        ("config.kokunai:environment.hosts.package_sources", "KN-PKG-01")
    ]


def test_a_name_is_told_at_the_row_that_has_it(tmp_path: Path):
    [train, serve] = RIGHT["pools"]

    [row] = found(tmp_path, pools=[train, {**serve, "name": "us-east-1"}])

    assert row == ("config.kokunai:environment.pools[1].name", "KN-LOC-06")


def test_a_share_that_is_named_after_a_place_is_told_at_the_share(tmp_path: Path):
    rows = found(tmp_path, storage=[{**RIGHT["storage"][0], "name": "us-east-1"}])

    assert set(rows) == {("config.kokunai:environment.storage[0].name", "KN-LOC-06")}


def test_the_keeper_of_secrets_is_judged_where_the_file_names_it(tmp_path: Path):
    assert found(tmp_path, secretsprovider="awskms://alias/k?region=us-east-1") == [
        ("secretsprovider", "KN-STA-02")
    ]
    assert found(tmp_path, secretsprovider="passphrase") == []


def test_a_waiver_of_the_project_counts_for_the_pool_that_it_names(tmp_path: Path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
    last = today_in_japan() + timedelta(days=9)
    waivers = [_waiver(pool, last.isoformat()) for pool in ("train", "serve")]
    hosts = {**RIGHT["hosts"], "ntp_servers": ["time.google.com"]}
    file = tmp_path / "policies/waivers.yaml"

    file.write_text(yaml.safe_dump({"waivers": waivers[:1]}))
    assert len(found(tmp_path, hosts=hosts)) == 1
    file.write_text(yaml.safe_dump({"waivers": waivers}))
    assert found(tmp_path, hosts=hosts) == []


def _waiver(pool: str, expires: str) -> dict[str, str]:
    return {
        "rule": "KN-NTP-01",
        "urn": f"urn:pulumi:demo::own::kokunai:ansible:Configuration::{pool}",
        "reason": "the clocks of the customer stand abroad until the move",
        "requester": "sato",
        "approver": "suzuki",
        "ticket": "OPS-1",
        "expires": expires,
    }
