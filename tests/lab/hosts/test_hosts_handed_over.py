"""Hosts that the lab hands over, asked by real SSH: adopted, refused, reached through another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kokunai.plugin.contract.module import contract
from support import contract_hosts as doubles
from support.plugin_engine import Failed, running, urn

pytestmark = [pytest.mark.hosts, pytest.mark.slow]
H100 = {"product": "NVIDIA H100 80GB HBM3", "device": "10de:2330", "count": 8}
DESCRIPTION = {
    "contract": "box",
    "row": {"offer": "demo"},
    "hosts": [
        {"name": "good", "gpu": H100},
        {"name": "seven", "gpu": {**H100, "count": 7}},
        {"name": "bare", "gpu": {**H100, "device": "10de:2335", "has_tools": False}},
        {"name": "arm", "count": 1, "gpu": H100, "architecture": "aarch64"},
    ],
}
EXPECTED = {
    "gpuCount": 8,
    "gpuVendorId": "10de",
    "gpuModel": "NVIDIA H100 80GB",
    "architecture": "amd64",
    "nvlinkDomainGpus": 72,
}


class Delivery:
    """A lab with its hosts, and the contract file that came with them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        doubles.write_key(root)
        (root / "hosts.yaml").write_text(yaml.safe_dump(DESCRIPTION))

    def lab(self, *arguments: str) -> None:
        command = [Path(sys.executable).parent / "kokunai", "lab", *arguments]
        environment = {**os.environ, "KOKUNAI_LAB_DIRECTORY": str(self.root / "lab")}
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def hosts(self) -> dict[str, dict[str, Any]]:
        files = ("hosts.yaml", "--contract-file", "contracts.yaml", "--public-key", "id.pub")
        self.lab("hand-over", *files)
        [row] = yaml.safe_load((self.root / "contracts.yaml").read_text())["contracts"].values()
        return {host["name"]: host for host in row["hosts"]}


@pytest.fixture
def delivery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Delivery]:
    monkeypatch.chdir(tmp_path)
    made = Delivery(tmp_path)
    made.lab("up", "--hosts", "light")
    yield made
    made.lab("down", "--purge")


def inputs(host: dict[str, Any], **changes: Any) -> dict[str, Any]:
    given = {
        "site": "kddi-sakai",
        "labels": {"data-class": "internal"},
        "contract": "box",
        "name": host["name"],
        "address": host["address"],
        "hostKey": host["host_key"],
        "user": "root",
        "privateKeyFile": "id",
        "keyId": "0",
        "expected": EXPECTED,
    }
    return {**given, **changes}


async def test_hosts_are_adopted_or_refused_and_keep_their_keys_over_a_restart(delivery: Delivery):
    hosts = delivery.hosts()
    gate = {"jump": f"root@{hosts['seven']['address']}", "jumpKey": hosts["seven"]["host_key"]}
    refused = [
        (inputs(hosts["seven"]), "expected 8, found 7"),
        (inputs(hosts["bare"]), "expected NVIDIA H100 80GB, found H200 SXM 141GB"),
        (inputs(hosts["arm-t00"]), "expected amd64, found arm64"),
        (inputs(hosts["good"], hostKey=hosts["arm-t00"]["host_key"]), "nothing was sent to it"),
        (inputs(hosts["good"], **{**gate, "jumpKey": doubles.host_key(3)}), "cannot be reached"),
    ]
    async with running(contract()) as engine:

        async def create(name: str, given: dict[str, Any]) -> dict[str, Any]:
            return (await engine.create(urn("kokunai:contract:Host", name), given))[1]

        direct = await create("good", inputs(hosts["good"]))
        through = await create("through", inputs(hosts["good"], **gate))
        arm = {**EXPECTED, "architecture": "arm64"}
        rack = await create("arm", inputs(hosts["arm-t00"], expected=arm))
        for given, words in refused:
            with pytest.raises(Failed, match=words):
                await create("refused", given)
    delivery.lab("down")
    delivery.lab("up")

    assert delivery.hosts() == hosts
    assert direct["facts"]["simulated"] is True
    assert direct["facts"]["gpus"] == [H100["product"]] * 8
    assert direct["facts"]["pciDevices"] == through["facts"]["pciDevices"] == ["10de:2330"] * 8
    assert rack["facts"]["fabric"]["State"] == "Completed"
    verdicts = {row["check"]: row["verdict"] for row in direct["findings"]}
    assert (verdicts["gpuModel"], verdicts["nvlinkDomain"]) == ("pass", "not-verified")
