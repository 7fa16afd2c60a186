"""`kokunai:contract:Host`: another machine is refused by name, before anything on it is changed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kokunai.contracts.rows import File
from kokunai.plugin.ansible import ssh_options
from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.ansible.host_keys import jumps, pinned
from kokunai.plugin.ansible.request import Request, host_of, inventory
from kokunai.plugin.contract import answer, comparing
from kokunai.plugin.contract.host import Host
from kokunai.plugin.contract.module import contract
from kokunai.plugin.kind import Transition
from support import contract_hosts as doubles
from support.catalogue import sellers
from support.contract_hosts import ContractHosts, by_contract, contract_hosts, host_key
from support.plugin_engine import Engine, Failed, running, urn

__all__ = ["by_contract", "contract_hosts", "sellers"]
HOST = urn("kokunai:contract:Host", "train-0")
ADDRESS = "192.168.10.11"
OURS, OTHERS = "0123456789abcdef", "fedcba9876543210"
EXPECTED = {
    "gpuCount": 8,
    "gpuVendorId": "10de",
    "gpuModel": "NVIDIA H100 80GB",
    "gpuMemoryGib": 80,
    "architecture": "amd64",
    "cpuCount": 64,
    "memoryGib": 1000,
    "distribution": "debian",
    "suite": "bookworm",
    "interface": "bond0",
}
INPUTS = {
    "site": "kddi-sakai",
    "labels": {"data-class": "internal"},
    "owner": OURS,
    "contract": "box",
    "name": "box-1",
    "address": ADDRESS,
    "hostKey": host_key(1),
    "user": "root",
    "privateKeyFile": "id",
    "keyId": "0",
    "expected": EXPECTED,
}


@pytest.fixture
async def engine(contract_hosts: ContractHosts, tmp_path: Path) -> AsyncIterator[Engine]:
    doubles.write_key(tmp_path)
    async with running(contract()) as engine:
        yield engine


async def create(engine: Engine, **changes: Any) -> tuple[str, dict[str, Any]]:
    inputs, problems = await engine.check(HOST, {**INPUTS, **changes})
    assert problems == {}
    return await engine.create(HOST, inputs)


async def test_a_host_that_is_as_the_contract_says_is_adopted_with_its_facts(
    engine: Engine, contract_hosts: ContractHosts
):
    id_, outputs = await create(engine)

    assert id_ == "box/box-1"
    assert outputs["serverId"] == doubles.fingerprint(host_key(1))
    assert {row["verdict"] for row in outputs["findings"]} == {"pass"}
    assert outputs["facts"]["gpus"] == ["NVIDIA H100 80GB HBM3"] * 8
    assert outputs["facts"]["takenAt"].endswith("Z")
    # All that reaches the host is the look, which reads.
    assert [row[:3] for row in contract_hosts.sent()] == [
        [ADDRESS, "exec /bin/sh -s", answer.script()]
    ]


SEVEN = {"pci": ["0x10de 0x2330 0x030200"] * 7, "gpu": ["NVIDIA H100 80GB HBM3, 81559, 1"] * 7}
BARE = {"nvidia_smi": None, "gpu": None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (SEVEN, ["GPU の枚数: 8 のはずですが、7", "number of GPUs: expected 8, found 7"]),
        ({**SEVEN, **BARE}, ["number of GPUs: expected 8, found 7"]),
        ({"gpu": SEVEN["gpu"]}, ["number of GPUs: expected 8, found 7"]),
        ({"pci": None, **BARE}, ["number of GPUs: expected 8, found 0"]),
        ({"gpu": ["NVIDIA H200, 143771, 1"] * 8}, ["expected NVIDIA H100 80GB, found NVIDIA H200"]),
        ({"pci": ["0x10de 0x2335 0x030200"] * 8, **BARE}, ["found H200 SXM 141GB"]),
        ({"architecture": "aarch64"}, ["CPU: expected amd64, found arm64"]),
    ],
)
async def test_another_machine_is_refused_by_name_with_every_reason(
    engine: Engine, contract_hosts: ContractHosts, changes: dict[str, Any], words: list[str]
):
    contract_hosts.put(ADDRESS, **changes)

    with pytest.raises(Failed) as refusal:
        await create(engine)

    assert all(word in refusal.value.message for word in words)
    assert "train-0 (box-1, 192.168.10.11)" in refusal.value.message
    assert "nothing on it was changed" in refusal.value.message
    # Without a created host there is nothing that Ansible could be given.
    assert [row[1] for row in contract_hosts.sent()] == ["exec /bin/sh -s"]


async def test_x86_instead_of_arm_is_refused(engine: Engine):
    with pytest.raises(Failed, match="expected arm64, found amd64"):
        await create(engine, expected={**EXPECTED, "architecture": "arm64"})


@pytest.mark.parametrize("wanted", [host_key(9), doubles.host_key(9, "ecdsa-sha2-nistp256")])
async def test_another_key_is_refused_before_anything_is_sent(
    engine: Engine, contract_hosts: ContractHosts, wanted: str
):
    with pytest.raises(Failed) as refusal:
        await create(engine, hostKey=wanted)

    assert "nothing was sent to it" in refusal.value.message
    assert doubles.fingerprint(wanted) in refusal.value.message
    assert contract_hosts.sent() == []


async def test_a_bare_host_is_not_verified_where_only_a_tool_could_tell(
    engine: Engine, contract_hosts: ContractHosts
):
    contract_hosts.put(ADDRESS, **BARE, memory_kib=None)

    _, outputs = await create(engine)

    verdicts = {row["check"]: row["verdict"] for row in outputs["findings"]}
    assert verdicts["gpuCount"] == verdicts["gpuModel"] == "pass"
    assert verdicts["gpuMemoryGib"] == verdicts["memoryGib"] == "not-verified"
    assert "not verified: GiB of GPU memory" in engine.log.said()


async def test_an_unknown_device_is_not_verified_and_no_bus_is_no_zero(
    engine: Engine, contract_hosts: ContractHosts
):
    contract_hosts.put(ADDRESS, pci=["0x10de 0xffff 0x030200"] * 8, **BARE)
    _, unknown = await create(engine)
    contract_hosts.put(ADDRESS, pci_bus=None, pci=None, **BARE)
    _, no_bus = await create(engine)

    assert {"check": "gpuModel", "verdict": "not-verified"}.items() <= unknown["findings"][
        1
    ].items()
    assert [row["verdict"] for row in no_bus["findings"][:2]] == ["not-verified"] * 2


async def test_what_leaves_it_the_same_machine_is_a_warning(
    engine: Engine, contract_hosts: ContractHosts
):
    changes = {"memory_kib": 500 * 1024**2, "nic": ["eth0 1 up 1"], "os_VERSION_CODENAME": "noble"}
    contract_hosts.put(ADDRESS, **changes)

    _, outputs = await create(engine)

    failed = {row["check"] for row in outputs["findings"] if row["verdict"] == "fail"}
    assert failed == {"memoryGib", "os", "interface"}
    assert "GiB of memory: expected 1000, found 500" in engine.log.said()


async def test_a_host_of_another_stack_is_refused_with_its_id(
    engine: Engine, contract_hosts: ContractHosts
):
    contract_hosts.mark(OURS)
    id_, outputs = await create(engine)
    contract_hosts.put(ADDRESS, owner=OTHERS)

    with pytest.raises(Failed, match=f"used by another stack \\(owner {OTHERS}\\)"):
        await engine.update(HOST, id_, outputs, INPUTS, INPUTS)


async def test_an_update_looks_again_and_a_refresh_shows_drift(
    engine: Engine, contract_hosts: ContractHosts
):
    id_, outputs = await create(engine)
    contract_hosts.put(ADDRESS, **SEVEN)

    _, _, seen = await engine.read(HOST, id_, outputs, INPUTS)

    assert len(seen["facts"]["gpus"]) == 7
    assert "is not the machine of contract box" in engine.log.said()
    with pytest.raises(Failed, match="expected 8, found 7"):
        await engine.update(HOST, id_, seen, INPUTS, INPUTS)


def test_a_node_that_becomes_another_machine_names_both():
    other = {**INPUTS, "name": "box-2", "address": "192.168.10.12", "hostKey": host_key(2)}

    changed = {one.path: one for one in Host().diff(Transition(old=INPUTS, new=other))}
    rekeyed = Host().diff(Transition(old=INPUTS, new={**INPUTS, "hostKey": host_key(2)}))
    moved = Host().diff(Transition(old=INPUTS, new={**INPUTS, "address": "192.168.10.12"}))

    assert changed["hostKey"].replace
    reason = changed["hostKey"].reason
    assert "another machine, box-2 192.168.10.12 instead of box-1 192.168.10.11" in reason
    assert "write node (the number of the node)" in reason
    assert [one.reason for one in rekeyed] == ["別のマシンです / it is another machine"]
    # The same key at another address is the same machine.
    assert [(one.path, one.replace) for one in moved] == [("address", False)]


async def test_a_silent_host_is_told_apart_from_a_strange_one(
    engine: Engine, contract_hosts: ContractHosts
):
    contract_hosts.vanish()

    with pytest.raises(Failed, match=r"train-0 .*cannot be reached: .*No route to host"):
        await create(engine)


async def test_a_preview_asks_no_host(engine: Engine, contract_hosts: ContractHosts):
    answered = await engine.raw_create(HOST, INPUTS, preview=True)

    assert answered.properties["serverId"] == doubles.fingerprint(host_key(1))
    assert contract_hosts.sent() == []


@pytest.mark.parametrize(
    "told",
    [b"", b"begin\t1\narchitecture\tx86_64\n", b"x" * (answer.MOST_BYTES + 1), b"\xff\x00\n" * 99],
)
def test_what_is_no_whole_answer_is_not_understood(told: bytes):
    with pytest.raises(answer.NotUnderstood):
        answer.facts_of(told)


def test_what_a_host_says_is_cleaned_and_bounded():
    strange = doubles.answer(gpu=["H100\x1b[2J\u202e, 9e9, x"] * 999, cpu_count="9" * 40)

    facts = answer.facts_of(strange.encode())

    assert len(facts.gpus) == 256
    assert facts.gpus[0].name.isprintable()
    assert facts.cpu_count is None


def test_the_look_runs_in_a_plain_shell_and_changes_nothing(tmp_path: Path):
    script = answer.script().encode()
    done = subprocess.run(
        ["/bin/sh", "-s"], input=script, cwd=tmp_path, capture_output=True, check=False
    )

    facts = answer.facts_of(done.stdout)
    assert (done.returncode, done.stderr) == (0, b"")
    assert facts.cpu_count
    assert facts.os
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "seen", "same"),
    [
        ("NVIDIA H100 80GB", "NVIDIA H100 80GB HBM3", True),
        ("NVIDIA H100 80GB", "NVIDIA H100 PCIe", False),
        ("NVIDIA H100 80GB", "NVIDIA H100 NVL", False),
        ("NVIDIA H100 80GB", "NVIDIA H100-40C", False),
        ("NVIDIA H100 80GB", "NVIDIA H100 80GB HBM3 MIG 1g.10gb", False),
        ("NVIDIA H100 80GB", "H100 SXM5 80GB", True),
        ("NVIDIA H100 80GB", "NVIDIA H100 80GB Something", None),
        ("NVIDIA H100 NVL", "NVIDIA H100 NVL", True),
        ("NVIDIA H100 PCIe", "NVIDIA H100 80GB HBM3", False),
        ("NVIDIA H200 141GB", "NVIDIA H200", True),
        ("NVIDIA H200 141GB", "NVIDIA H200 NVL", False),
        ("NVIDIA B200 180GB", "NVIDIA B200", True),
        ("NVIDIA GB200", "NVIDIA GB200", True),
        ("NVIDIA GB200", "NVIDIA GB200 NVL", False),
        ("NVIDIA RTX A4000", "NVIDIA RTX A4000", True),
        ("NVIDIA RTX A4000", "NVIDIA RTX A4000 Laptop GPU", False),
        ("NVIDIA RTX 4000", "NVIDIA RTX 4000 Ada Generation", False),
        ("NVIDIA RTX 4000 Ada", "NVIDIA RTX 4000 Ada Generation", True),
        ("NVIDIA RTX 4000 Ada", "NVIDIA RTX 4000 SFF Ada Generation", False),
        ("NVIDIA V100 32GB", "Tesla V100-PCIE-32GB", False),
        ("NVIDIA V100 32GB", "Tesla V100-SXM2-32GB", True),
        ("NVIDIA B200", "NVIDIA GB200", False),
        ("NVIDIA GB200", "NVIDIA B200", False),
        ("NVIDIA H200 141GB", "NVIDIA H100 80GB HBM3", False),
        ("AMD Instinct MI300X", "AMD Instinct MI300X OAM", True),
        ("AMD Instinct MI300X", "AMD Instinct MI250X", False),
    ],
)
def test_a_model_is_its_name_and_no_part_of_another(wanted: str, seen: str, *, same: bool | None):
    assert comparing.is_model(wanted, seen) is same


@pytest.mark.parametrize(
    ("fabric", "verdict"),
    [
        (["State Completed", "Status Success"], "pass"),
        (["State In Progress", "Status N/A"], "fail"),
        (["State N/A", "Status N/A"], "not-verified"),
        (None, "not-verified"),
    ],
)
def test_a_domain_of_many_machines_shows_in_its_fabric(fabric: list[str] | None, verdict: str):
    facts = answer.facts_of(doubles.answer(fabric=fabric).encode())

    found = comparing.findings({**EXPECTED, "nvlinkDomainGpus": 72}, facts)

    [domain] = [one for one in found if one.check == "nvlinkDomain"]
    assert domain.verdict == verdict


def test_ansible_is_given_the_key_of_the_contract_and_the_jump_host(tmp_path: Path):
    raw = {
        "name": "train-0",
        "address": ADDRESS,
        "serverId": "x",
        "user": "root",
        "hostKey": host_key(1),
        "jump": "gate@203.0.113.5:2222",
        "jumpKey": host_key(7),
        "owner": OURS,
    }
    host = host_of(raw)
    lines = (*pinned([host], {}), *jumps([host]))
    request = Request("", (host,), {}, {}, "/keys/a b%", lines)

    written = inventory(request, tmp_path, "x")["all"]["hosts"]["train-0"]

    assert written["base_owner"] == OURS
    assert "StrictHostKeyChecking=yes" in written["ansible_ssh_extra_args"]
    words = shlex.split(written["ansible_ssh_common_args"])
    [through] = [word for word in words if word.startswith("ProxyCommand=")]
    inner = shlex.split(through.removeprefix("ProxyCommand="))
    assert inner[-5:] == ["-l", "gate", "-W", "[%h]:%p", "203.0.113.5"]
    assert inner[inner.index("-p") + 1] == "2222"
    assert "StrictHostKeyChecking=yes" in inner
    assert f"{ssh_options.jump_alias(raw['jump'])} {host_key(7)}" in lines


async def test_a_configuration_takes_what_a_contract_hands_over():
    kind = Configuration()
    host = {
        "name": "train-0",
        "address": ADDRESS,
        "serverId": "x",
        "user": "root",
        "hostKey": host_key(1),
        "jump": "gate@203.0.113.5",
        "owner": OURS,
    }

    checked = kind.model.model_validate(
        {
            "site": "kddi-sakai",
            "labels": {},
            "pool": "train",
            "hosts": [host],
            "roleDigest": "x",
            "variables": {},
            "privateKeyFile": "id",
            "keyId": "0",
        }
    )

    assert checked.props()["hosts"][0]["jump"] == "gate@203.0.113.5"


def test_a_contract_file_of_a_whole_rack_is_read():
    hosts = [
        {
            "name": f"r1-t{tray:02}",
            "address": f"10.1.0.{tray + 1}",
            "host_key": host_key(tray + 1),
            "rack": "r1",
            "tray": tray,
        }
        for tray in range(18)
    ]

    row = {"offer": "x", "state": "delivered", "delivered_on": "2026-01-01", "hosts": hosts}

    assert len(File.model_validate({"contracts": {"rack": row}}).contracts["rack"].hosts) == 18
