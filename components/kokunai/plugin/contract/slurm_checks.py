"""Judges what a job saw in its allocation against what the contract promises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kokunai.plugin.contract import comparing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai.drivers.slurm_answers import JobState, NodeReport, Partition

_FINISHED = "COMPLETED"


@dataclass(frozen=True)
class Promise:
    """What there should be."""

    node_count: int
    gpus_per_node: int
    gpu_model: str
    gpu_type: str = ""
    partition: str = ""


@dataclass(frozen=True)
class Seen:
    """A look at the cluster; a job is None where none was submitted."""

    partitions: Sequence[Partition]
    job: JobState | None = None
    reports: Sequence[NodeReport] = ()


Verdict = dict[str, Any]


def chosen(promise: Promise, partitions: Sequence[Partition]) -> Partition | None:
    """The partition that is promised, or that jobs go to by themselves."""
    if promise.partition:
        return next((one for one in partitions if one.name == promise.partition), None)
    return next((one for one in partitions if one.is_default), None)


def verdicts(promise: Promise, seen: Seen, taken_at: str) -> dict[str, Verdict]:
    """Every check by its name; what could not be seen is not verified, never a pass."""
    judged = {
        "partition": _partition(promise, seen.partitions),
        "job": _job(seen),
        "gpu_count": _gpu_count(promise, seen.reports),
        "gpu_model": _gpu_model(promise, seen.reports),
    }
    return {name: {**verdict, "takenAt": taken_at} for name, verdict in judged.items()}


def _partition(promise: Promise, partitions: Sequence[Partition]) -> Verdict:
    found = chosen(promise, partitions)
    if found is None:
        names = ", ".join(one.name for one in partitions)
        return _fail(
            None,
            f"パーティション {promise.partition or '（既定）'} がありません。"
            f"あるもの: {names or 'なし'}",
            f"there is no partition {promise.partition or '(default)'}; "
            f"there are: {names or 'none'}",
        )
    fitting = found.nodes_with(promise.gpus_per_node, promise.gpu_type)
    usable = sum(group.count for group in fitting if group.is_usable)
    value = f"{found.name}: {', '.join(found.gpu_types) or '-'} x {found.node_count}"
    if found.is_up and usable >= promise.node_count:
        return _pass(value)
    wanted = f"{promise.node_count} x {promise.gpu_type or 'gpu'}:{promise.gpus_per_node}"
    # Nodes that are out of service now were seen and may come back: the promise is not broken.
    is_there = sum(group.count for group in fitting)
    texts = (
        f"{found.name} で使えるノードは {usable} 台です（必要: {wanted}）",
        f"{found.name} has {usable} usable node(s), wanted are {wanted}",
    )
    return (_fail if is_there < promise.node_count else _unknown)(value, *texts)


def _job(seen: Seen) -> Verdict:
    if seen.job is None:
        return _unknown(None, "ジョブを実行していません", "no job was run")
    if seen.job.word == _FINISHED:
        return _pass(seen.job.word)
    reason = seen.job.reason
    if seen.job.is_over:
        return _fail(
            seen.job.word,
            f"ジョブが {seen.job.word} で終わりました: {reason}",
            f"the job ended as {seen.job.word}: {reason}",
        )
    return _unknown(
        seen.job.word,
        f"時間内に終わらず、取り消しました: {reason}",
        f"did not end in time and was cancelled: {reason}",
    )


def _gpu_count(promise: Promise, reports: Sequence[NodeReport]) -> Verdict:
    if unseen := _unseen(promise, reports):
        return unseen
    value = {one.node: len(one.gpus) for one in reports}
    wrong = {node: count for node, count in value.items() if count != promise.gpus_per_node}
    if not wrong:
        return _pass(value)
    listed = ", ".join(f"{node}: {count}" for node, count in wrong.items())
    return _fail(
        value,
        f"GPU が 1 台あたり {promise.gpus_per_node} 枚ではありません: {listed}",
        f"not {promise.gpus_per_node} GPUs a node: {listed}",
    )


def _gpu_model(promise: Promise, reports: Sequence[NodeReport]) -> Verdict:
    if unseen := _unseen(promise, reports):
        return unseen
    value = sorted({name for one in reports for name in one.gpus})
    found = {name: is_model(promise.gpu_model, name) for name in value}
    wrong = [name for name, verdict in found.items() if verdict is False]
    if value and not wrong:
        strange = ", ".join(name for name, verdict in found.items() if verdict is None)
        said = f"GPU の型番を確かめられません: {strange}", f"of an unknown variant: {strange}"
        return _unknown(value, *said) if strange else _pass(value)
    listed = ", ".join(wrong) or "-"
    return _fail(
        value,
        f"GPU が {promise.gpu_model} ではありません: {listed}",
        f"the GPUs are not {promise.gpu_model}: {listed}",
    )


def _unseen(promise: Promise, reports: Sequence[NodeReport]) -> Verdict | None:
    """Not verified where a node said nothing, or not all of it."""
    trouble = next((f"{one.node}: {one.trouble}" for one in reports if one.trouble), "")
    whole = [one for one in reports if one.is_whole and not one.trouble]
    if len(whole) == len(reports) == promise.node_count:
        return None
    return _unknown(
        None,
        f"{promise.node_count} 台のうち {len(whole)} 台だけが GPU を報告しました {trouble}".strip(),
        f"{len(whole)} of {promise.node_count} node(s) reported their GPUs {trouble}".strip(),
    )


def is_model(wanted: str, name: str) -> bool | None:
    """Whether the name is that of the model, None where nobody can say.

    One without a word is the name of none.
    """
    return bool(re.search(r"[A-Za-z0-9]", wanted)) and comparing.is_model(wanted, name)


def _pass(value: Any) -> Verdict:
    return {"value": value, "verdict": "pass", "reason": ""}


def _fail(value: Any, ja: str, en: str) -> Verdict:
    return {"value": value, "verdict": "fail", "reason": f"{ja} / {en}"}


def _unknown(value: Any, ja: str, en: str) -> Verdict:
    return {"value": value, "verdict": "not-verified", "reason": f"{ja} / {en}"}
