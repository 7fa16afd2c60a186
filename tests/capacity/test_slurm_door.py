"""A pool on a Slurm cluster of a contract: one part, its verdicts, and nothing that configures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import kokunai
from kokunai import stack_file
from kokunai.cli import outputs
from kokunai.contracts import reading
from kokunai.environment import Environment, parts_of
from kokunai.errors import KokunaiError
from kokunai.plugin.contract.slurm import SlurmCluster
from kokunai.plugin.contract.slurm_checks import is_model
from kokunai.plugin.kind import Transition
from kokunai.settings import StackSettings
from support.catalogue import sellers
from support.contract_hosts import host_key
from support.pulumi_mocks import Recorder, declared, loops, recorder, root

__all__ = ["loops", "recorder", "root", "sellers"]
CLUSTER, RUN = "kokunai:contract:SlurmCluster", "kokunai:ansible:Configuration"
LOGIN = {"name": "login", "address": "192.0.2.10", "port": 2222, "host_key": host_key()}
POOL = {
    "name": "train",
    "site": "highreso-ayagawa",
    "gpu": "b200",
    "gpus": 16,
    "contract": "points",
}
STACK = {
    "name": "demo",
    "data_class": "internal",
    "lab": True,
    "access": {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]},
    "contracts": ["contracts.yaml"],
}


def contract(**changes: Any) -> dict[str, Any]:
    given = {
        "offer": "highreso-b200",
        "state": "delivered",
        "delivered_on": "2026-01-15",
        "user": "researcher",
        "hosts": [LOGIN],
        "slurm": {"partition": "b200", "account": "group-7"},
        **changes,
    }
    return {key: value for key, value in given.items() if value is not None}


def write(root: Path, **rows: dict[str, Any]) -> None:
    text = yaml.safe_dump({"contracts": rows or {"points": contract()}})
    (root / "contracts.yaml").write_text(text)


def environment(root: Path, *pools: dict[str, Any], **changes: Any) -> Environment:
    return Environment(stack_file.read({**STACK, "pools": [*pools], **changes}), root=root)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr("pulumi.log.info", lambda text, *_: lines.append(text))
    return lines


async def test_a_pool_is_one_cluster_with_its_verdicts_and_is_never_configured(
    root: Path,
) -> None:
    write(root)
    asked = stack_file.read({**STACK, "pools": [POOL]})

    [part] = parts_of(asked, StackSettings.of(asked, root=root, secrets={}))

    wanted = {
        "site": "highreso-ayagawa",
        "pool": "train",
        "address": "192.0.2.10",
        "port": 2222,
        "user": "researcher",
        "hostKey": host_key(),
        "partition": "b200",
        "account": "group-7",
        "queueSeconds": 600,
        "nodeCount": 2,
        "gpusPerNode": 8,
    }
    assert (part.pulumi_type, part.name) == (CLUSTER, "train")
    assert wanted.items() <= part.props.items()
    assert part.timeout_seconds == 3600 + 600
    checked = await SlurmCluster().check(Transition(new={**part.props, "owner": "0" * 16}))
    assert checked.failures == ()
    assert is_model(part.props["gpuModel"], "NVIDIA B200")
    assert not is_model(part.props["gpuModel"], "NVIDIA GB200")


def test_the_outputs_hold_the_verdicts_and_say_that_nothing_is_configured(
    recorder: Recorder, root: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = {"gpu_model": {"value": [], "verdict": "pass", "reason": ""}}
    answer = recorder.new_resource

    def verified(args: Any) -> tuple[str, dict[str, Any]]:
        id_, given = answer(args)
        return id_, {**given, "verified": verdicts} if args.typ == CLUSTER else given

    monkeypatch.setattr(recorder, "new_resource", verified)
    write(root)
    known: dict[str, Any] = {}

    def program() -> None:
        made = environment(root, POOL)
        made.verified["train"].apply(lambda value: known.update(verified=value))
        made.verdicts["train"].apply(lambda value: known.update(verdicts=value))
        made.nodes["train"].apply(lambda value: known.update(nodes=value))
        known["slurm"] = made.contracts["points"]["slurm"]

    seen = declared(recorder, program).seen

    assert [kind for kind, _ in seen if kind in {CLUSTER, RUN}] == [CLUSTER]
    assert known == {
        "verified": {"train": verdicts},
        "verdicts": "1 pass, 0 fail, 0 not-verified",
        "nodes": {},
        "slurm": {
            "login": "researcher@192.0.2.10",
            "port": 2222,
            "partition": "b200",
            "account": "group-7",
            "configured_by_ansible": False,
        },
    }
    assert any("pool train: Ansible configures nothing" in line for line in told)


def test_a_program_asks_for_a_cluster_by_the_same_words(
    recorder: Recorder, root: Path, told: list[str]
) -> None:
    write(root)
    asked = {key: value for key, value in POOL.items() if key != "name"}

    def program() -> None:
        ours = kokunai.StackSettings(**{**STACK, "root": root})
        pool = kokunai.GpuNodePool("train", **asked, settings=ours)
        assert pool.offer["gpu_count"] == 16

    assert (CLUSTER, "train") in declared(recorder, program).seen


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "applied", "applied_on": "2026-01-01", "delivered_on": None},
        {"state": "returned"},
        {"paid_until": "2026-01-31"},
    ],
)
def test_nothing_is_declared_while_the_contract_is_not_in_use(
    recorder: Recorder, root: Path, told: list[str], changes: dict[str, Any]
) -> None:
    write(root, points=contract(**changes))

    seen = declared(recorder, lambda: environment(root, POOL)).seen

    assert not {CLUSTER, RUN} & {kind for kind, _ in seen}
    assert not any("Ansible configures nothing" in line for line in told)


def test_the_rules_judge_the_cluster(recorder: Recorder, root: Path, sellers: Path) -> None:
    rows = yaml.safe_load((sellers / "highreso.yaml").read_text())
    added = {
        "sites": {"acme": {**rows["sites"]["highreso-ayagawa"], "country": "US"}},
        "offers": {"acme-b200": {**rows["offers"]["highreso-b200"], "site": "acme"}},
    }
    (sellers / "acme.yaml").write_text(yaml.safe_dump(added, allow_unicode=True))
    write(root, points=contract(offer="acme-b200"))

    with pytest.raises(KokunaiError, match=r"KN-LOC-01 .*pools\[0\]\.site"):
        environment(root, {**POOL, "site": "acme"})
    assert not any(kind == CLUSTER for kind, _ in recorder.seen)


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"contract": None}, "pools[0].contract", "is had by a contract"),
        ({"image": "ubuntu-24.04"}, "pools[0].image", "leave image out"),
        ({"network": "cluster"}, "pools[0].network", "leave network out"),
        ({"gpus": 12}, "pools[0].gpus", "nearest: 8, 16"),
    ],
)
def test_what_a_cluster_cannot_be_asked_for_is_refused_at_its_place(
    recorder: Recorder, root: Path, changes: dict[str, Any], place: str, said: str
) -> None:
    network = {"cidr": "192.168.10.0/24", "access": "internet", "interface": "ib0"}
    write(root, points=contract(networks={"cluster": network}))
    asked = {"name": "cluster", "site": "highreso-ayagawa", "cidr": "192.168.10.0/24"}
    pool = {key: value for key, value in {**POOL, **changes}.items() if value is not None}

    with pytest.raises(KokunaiError) as refusal:
        environment(root, pool, networks=[{**asked, "contract": "points"}])

    [line] = [line for line in refusal.value.en.splitlines() if said in line]
    assert place in line


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"slurm": None}, "slurm", "write its partition under slurm"),
        ({"slurm": {"partition": "--all"}}, "slurm.partition", ""),
        ({"slurm": {}}, "slurm.partition", "is required"),
        ({"user": None}, "user", "nobody is root on a Slurm cluster"),
        ({"hosts": [LOGIN, {**LOGIN, "name": "n1", "address": "192.0.2.11"}]}, "hosts", "alone"),
        ({"hosts": [{**LOGIN, "jump": "a@b"}]}, "hosts[0].jump", "access.ssh_config"),
        ({"offer": "highreso-h200"}, "slurm", "is no Slurm cluster"),
    ],
)
def test_a_row_that_is_no_cluster_is_told_at_its_place(
    root: Path, changes: dict[str, Any], place: str, said: str
) -> None:
    write(root, points=contract(**changes))

    with pytest.raises(KokunaiError) as refusal:
        reading.read(root, ["contracts.yaml"])

    assert any(
        f"contracts.points.{place}: " in line and said in line
        for line in refusal.value.en.splitlines()
    )


def test_two_partitions_of_a_cluster_are_two_contracts(recorder: Recorder, root: Path) -> None:
    second = contract(slurm={"partition": "long"})
    write(root, points=contract(), more=second)

    pools = [POOL, {**POOL, "name": "long", "contract": "more"}]
    seen = declared(recorder, lambda: environment(root, *pools)).seen

    clusters = {name: row["partition"] for (kind, name), row in seen.items() if kind == CLUSTER}
    assert clusters == {"train": "b200", "long": "long"}
    write(root, points=contract(), train=contract())
    with pytest.raises(KokunaiError, match=r"train\.hosts\[0\]\.address: is that of"):
        reading.read(root, ["contracts.yaml"])


def test_the_summary_shows_a_cluster_under_the_name_of_its_pool() -> None:
    checks = {"job": {"value": "COMPLETED", "verdict": "pass", "reason": ""}}
    row = {"type": CLUSTER, "inputs": {"pool": "train"}, "outputs": {"verified": checks}}

    assert outputs._verified({"resources": [row]}) == {"train": {"train": checks}}
