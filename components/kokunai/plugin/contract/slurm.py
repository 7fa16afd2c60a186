"""`kokunai:contract:SlurmCluster`: GPUs of a Slurm cluster that a contract lets us log in to."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from kokunai.drivers.slurm import Allocation, Slurm
from kokunai.drivers.slurm_answers import counting_script, reports
from kokunai.errors import KokunaiError
from kokunai.plugin.contract.login import Login
from kokunai.plugin.contract.slurm_checks import Promise, Seen, verdicts
from kokunai.plugin.contract.slurm_inputs import SlurmClusterComputed, SlurmClusterInputs
from kokunai.plugin.kind import Created, Found, InitFailed
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kokunai.drivers.slurm_answers import JobState, NodeReport
    from kokunai.plugin.kind import Operation, Props, Transition

T = TypeVar("T")

_POLL_SECONDS = 3.0
_LATE_OUTPUT_POLLS = 5
"""Looks at the output of a job that is over: a file system over a network shows it later."""
_MOST_RUNNING_SECONDS = 360.0
_CANCEL_SECONDS = 20.0
"""A login node that no longer answers must not hold up the end; the job ends by itself then."""
_NOT_LOOKED_AT = frozenset({"labels", "site", "owner", "pool", "keyId"})


class SlurmCluster(ModelKind):
    """Adopts a cluster: a look at its partitions, and a job that lists the GPUs it was given."""

    pulumi_type = "kokunai:contract:SlurmCluster"
    model = SlurmClusterInputs
    computed = SlurmClusterComputed
    is_found_by_digest = False
    default_timeout_seconds = 1800.0
    replaced_by: ClassVar = {
        "address": "別のクラスターになります / this is another cluster",
        "port": "別のクラスターになります / this is another cluster",
    }

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Log in, look and verify; nothing is made there but a short job."""
        id_ = f"{transition.new['address']}:{transition.new['port']}"
        return Created(id_, await _adopted(op, id_, transition.new))

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The partitions as they are now; only a change of the inputs runs a job again."""
        if not transition.old:
            raise KokunaiError(
                ja="SlurmCluster は import できません。契約の内容をそのまま宣言してください",
                en="a SlurmCluster cannot be imported; declare what the contract says",
            )
        looked = await _Session(op, transition.old).look()
        return Found(transition.id, transition.old, {**transition.state, **looked.described})

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Look and verify again, unless only what does not concern the cluster has changed."""
        old, new, state = transition.old, transition.new, transition.state
        verified = state.get("verified") or {}
        is_sound = verified and all(one["verdict"] == "pass" for one in verified.values())
        changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        if is_sound and changed <= _NOT_LOOKED_AT:
            kept = {name: state.get(name) for name in self.computed.names()}
            return {**kept, **new}
        return await _adopted(op, transition.id, new)

    async def delete(self, op: Operation, transition: Transition) -> None:
        """The cluster is only forgotten: what users run there is theirs."""


async def _adopted(op: Operation, id_: str, new: Props) -> Props:
    """All outputs. Raises InitFailed where something is not as promised."""
    session = _Session(op, new)
    looked = await session.look()
    promise = Promise(
        node_count=new["nodeCount"],
        gpus_per_node=new["gpusPerNode"],
        gpu_model=new["gpuModel"],
        gpu_type=new["gpuType"],
        partition=new["partition"],
    )
    seen = looked.seen
    if _judged(promise, seen)["partition"]["verdict"] == "pass":
        seen = Seen(seen.partitions, *await session.job())
    verified = _judged(promise, seen)
    outputs = {**new, **looked.described, "verified": verified}
    told = {name: f"{name}: {one['reason']}" for name, one in verified.items() if one["reason"]}
    failed = [told[name] for name, one in verified.items() if one["verdict"] == "fail"]
    if failed:
        raise InitFailed(id_, outputs, failed)
    for text in told.values():
        op.warn(text)
    return outputs


def _judged(promise: Promise, seen: Seen) -> dict[str, dict[str, Any]]:
    return verdicts(promise, seen, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


class _Looked:
    """What a look at the cluster showed."""

    def __init__(self, version: str, seen: Seen) -> None:
        self.seen = seen
        self.described: Props = {
            "version": version,
            "partitions": [
                {
                    "name": one.name,
                    "nodeCount": one.node_count,
                    "gpus": one.gpu_types,
                    "timeLimit": one.time_limit,
                }
                for one in seen.partitions
            ],
        }


class _Session:
    """The calls of one operation, each of which ends when the engine cancels."""

    def __init__(self, op: Operation, props: Props) -> None:
        login = Login(
            address=props["address"],
            port=props["port"],
            user=props["user"],
            host_key=props["hostKey"],
            private_key_file=props["privateKeyFile"],
            ssh_config_file=props["sshConfigFile"],
        )
        self._op, self._props = op, props
        self._slurm = Slurm(login.run)
        self._waiting = Waiting(op)
        self._name = op.digest

    async def _call(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return await self._waiting.once(ask)

    async def look(self) -> _Looked:
        """Version and partitions."""
        await self._call(self._slurm.refuse_root)
        version = await self._call(self._slurm.version)
        return _Looked(version, Seen(await self._call(self._slurm.partitions)))

    async def job(self) -> tuple[JobState, tuple[NodeReport, ...]]:
        """Run the job that lists GPUs; it is cancelled however this ends."""
        wanted = Allocation(
            name=self._name,
            node_count=self._props["nodeCount"],
            gpus_per_node=self._props["gpusPerNode"],
            gpu_type=self._props["gpuType"],
            partition=self._props["partition"],
            account=self._props["account"],
        )
        # A run that was killed may have left its job, which would hold the nodes.
        await self._call(partial(self._slurm.cancel, self._name))
        try:
            script = counting_script(wanted.node_count)
            job = await self._call(partial(self._slurm.submit, wanted, script))
            state = await self._ended(job)
            return state, await self._reports(job, state)
        finally:
            with contextlib.suppress(KokunaiError, TimeoutError):
                async with asyncio.timeout(_CANCEL_SECONDS):
                    await self._slurm.cancel(self._name)

    async def _ended(self, job: str) -> JobState:
        """The last state of the job, which is over or was given up."""
        waited = ran = 0.0
        while True:
            state = await self._call(partial(self._slurm.state, job))
            if state is None:
                raise KokunaiError(
                    ja=f"ジョブ {job} の状態を Slurm が覚えていません。もう一度実行してください",
                    en=f"Slurm does not remember the state of job {job}; run this again",
                )
            is_late = waited >= self._props["queueSeconds"] or ran >= _MOST_RUNNING_SECONDS
            if state.is_over or is_late:
                return state
            self._op.status(f"ジョブ {job}: {state.word} {state.reason} / job {job}: {state.word}")
            await self._op.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS if state.is_waiting else 0.0
            ran += 0.0 if state.is_waiting else _POLL_SECONDS

    async def _reports(self, job: str, state: JobState) -> tuple[NodeReport, ...]:
        """What the nodes reported; the file is removed once it is read."""
        read: tuple[NodeReport, ...] = ()
        for _ in range(_LATE_OUTPUT_POLLS if state.is_over else 1):
            read = reports(await self._call(partial(self._slurm.output, self._name, job)))
            if sum(one.is_whole for one in read) >= self._props["nodeCount"] or not state.is_over:
                break
            await self._op.sleep(_POLL_SECONDS)
        await self._call(partial(self._slurm.remove_output, self._name, job))
        return read
