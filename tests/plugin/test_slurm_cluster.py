"""A Slurm cluster is adopted: Debian's real Slurm behind a real sshd, with simulated GPUs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kokunai.plugin.contract import slurm
from kokunai.plugin.contract.module import contract
from support import slurm_cluster
from support.plugin_engine import Engine, Failed, running, urn
from support.slurm_cluster import USER, Cluster

pytestmark = [pytest.mark.hosts, pytest.mark.slow]
WHERE = urn("kokunai:contract:SlurmCluster", "train")
B200 = ("NVIDIA B200",) * 8


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with slurm_cluster.running() as started:
        yield started


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_POLL_SECONDS", 0.2)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with running(contract()) as made:
        await made.configure({})
        yield made


def asked(cluster: Cluster, **changes: Any) -> dict[str, Any]:
    return {
        "site": "highreso-takamatsu",
        "labels": {"data-class": "internal"},
        "pool": "train",
        "address": "127.0.0.1",
        "port": cluster.port,
        "user": USER,
        "hostKey": cluster.host_key,
        "privateKeyFile": str(cluster.key_file),
        "keyId": "0123456789ab",
        "nodeCount": 2,
        "gpusPerNode": 8,
        "gpuModel": "B200",
        **changes,
    }


def _until_pending(cluster: Cluster) -> None:
    end = time.monotonic() + 30
    while "PENDING" not in " ".join(cluster.jobs()) and time.monotonic() < end:
        time.sleep(0.2)


def _until_none_pending(cluster: Cluster) -> None:
    """The controller takes a cancelled job from its queue a moment later."""
    end = time.monotonic() + 30
    while "PENDING" in " ".join(cluster.jobs()) and time.monotonic() < end:
        time.sleep(0.2)


async def checked(engine: Engine, inputs: dict[str, Any]) -> dict[str, Any]:
    news, failures = await engine.check(WHERE, inputs)
    assert failures == {}
    return news


async def test_a_cluster_is_adopted_with_a_job_that_sees_its_gpus(
    engine: Engine, cluster: Cluster
) -> None:
    cluster.show_gpus(*B200)
    news = await checked(engine, asked(cluster))

    id_, state = await engine.create(WHERE, news)

    assert id_ == f"127.0.0.1:{cluster.port}"
    assert {name: one["verdict"] for name, one in state["verified"].items()} == dict.fromkeys(
        ("partition", "job", "gpu_count", "gpu_model"), "pass"
    )
    assert state["verified"]["gpu_count"]["value"] == {"n1": 8, "n2": 8}
    assert state["partitions"] == [
        {"name": "gpu", "nodeCount": 2, "gpus": ["b200:8"], "timeLimit": "1:00:00"}
    ]
    assert (await engine.read(WHERE, id_, state, news))[2] == state
    labelled = {**news, "labels": {"data-class": "confidential"}}
    before = cluster.jobs()
    assert (await engine.update(WHERE, id_, state, news, labelled))["verified"] == state["verified"]
    await engine.delete(WHERE, id_, state)
    assert cluster.jobs() == before
    assert cluster.run("ls .kokunai").splitlines() == ["Welcome to the cluster"]


async def test_a_cluster_of_other_gpus_is_refused_by_node(engine: Engine, cluster: Cluster) -> None:
    cluster.show_gpus(*["NVIDIA GB200"] * 7)
    news = await checked(engine, asked(cluster))

    with pytest.raises(Failed) as failure:
        await engine.create(WHERE, news)

    said = str(failure.value.unfinished.reasons)
    assert "not 8 GPUs a node: n1: 7, n2: 7" in said
    assert "the GPUs are not B200: NVIDIA GB200" in said


async def test_what_was_started_is_cancelled_when_the_engine_stops(
    engine: Engine, cluster: Cluster
) -> None:
    cluster.run('sbatch --nodes=2 --gres=gpu:8 --job-name=other --wrap="sleep 300"')
    news = await checked(engine, asked(cluster))

    creating = asyncio.create_task(engine.create(WHERE, news))
    await asyncio.to_thread(_until_pending, cluster)
    await engine.cancel()
    with pytest.raises(Failed):
        await creating

    await asyncio.to_thread(_until_none_pending, cluster)
    assert "PENDING" not in " ".join(cluster.jobs())
    cluster.run("scancel --name=other")


async def test_another_host_key_is_refused_before_anything_is_sent(
    engine: Engine, cluster: Cluster
) -> None:
    other = (cluster.base / "id.pub").read_text().split()
    news = await checked(engine, asked(cluster, hostKey=" ".join(other[:2])))

    with pytest.raises(Failed, match="another host key than the contract's"):
        await engine.create(WHERE, news)
