"""Reads what Slurm's commands and our own job print, strictly and within bounds.

The formats are given with `--format`, because the JSON of Slurm differs from version to version.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTITION_FORMAT = "%P|%a|%l|%D|%T|%G"
JOB_FORMAT = "%T|%r"
_MOST_ROWS = 5000
_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_STATE = re.compile(r"([A-Za-z_]{1,24})([*~#!%$@^+-]*)")
_USABLE = frozenset({"idle", "mixed", "allocated", "completing", "planned", "reserved"})
_WAITING = frozenset({"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SUSPENDED"})
_RUNNING = frozenset({"RUNNING", "COMPLETING", "STAGE_OUT", "RESIZING", "SIGNALING", "STOPPED"})
_MARK = "kokunai"


@dataclass(frozen=True)
class Nodes:
    """Nodes of a partition that are alike."""

    count: int
    is_usable: bool
    gpus: Mapping[str, int]
    """GPUs of each by their type in Slurm, which may be empty."""


@dataclass(frozen=True)
class Partition:
    """A queue of Slurm."""

    name: str
    is_default: bool
    is_up: bool
    time_limit: str
    nodes: tuple[Nodes, ...]

    @property
    def node_count(self) -> int:
        """All nodes, usable or not."""
        return sum(group.count for group in self.nodes)

    @property
    def gpu_types(self) -> list[str]:
        """The GPUs of a node, for example `b200:8`; each kind of node once."""
        written = {f"{kind or 'gpu'}:{n}" for group in self.nodes for kind, n in group.gpus.items()}
        return sorted(written)

    def nodes_with(self, gpu_count: int, gpu_type: str = "") -> tuple[Nodes, ...]:
        """Nodes with so many GPUs of the type, or of any, usable or not."""
        return tuple(group for group in self.nodes if _gpus_of(group.gpus, gpu_type) >= gpu_count)


def _gpus_of(gpus: Mapping[str, int], wanted: str) -> int:
    return gpus.get(wanted, 0) if wanted else sum(gpus.values())


@dataclass(frozen=True)
class JobState:
    """Where a job is; `word` is Slurm's own."""

    word: str
    reason: str = ""

    @property
    def is_waiting(self) -> bool:
        """It has no nodes yet."""
        return self.word in _WAITING

    @property
    def is_over(self) -> bool:
        """It will not go on."""
        return self.word not in _WAITING | _RUNNING


@dataclass(frozen=True)
class NodeReport:
    """What the job saw on one node of its allocation."""

    node: str
    gpus: tuple[str, ...]
    """Names of the GPUs that the job may use."""
    trouble: str = ""
    """Why the GPUs could not be listed; empty where they were."""
    is_whole: bool = False
    """The report came to its end."""


def partitions(text: str) -> tuple[Partition, ...]:
    """The answer of sinfo, which has a line for each group of nodes that are alike."""
    groups: dict[str, list[Nodes]] = defaultdict(list)
    heads: dict[str, tuple[bool, bool, str]] = {}
    for line in _rows("sinfo", text):
        fields = line.split("|")
        if len(fields) != 6 or not fields[3].isdecimal() or len(fields[3]) > 6:
            _unreadable("sinfo", line)
        name, up, limit, count, state, gres = fields
        plain = name.removesuffix("*")
        if not _NAME.fullmatch(plain):
            _unreadable("sinfo", line)
        heads[plain] = (name != plain, up == "up", shown(limit, 20))
        groups[plain].append(Nodes(int(count), _is_usable(state), gpus_of(gres)))
    return tuple(Partition(name, *heads[name], tuple(groups[name])) for name in heads)


def _is_usable(state: str) -> bool:
    found = _STATE.fullmatch(state)
    if found is None:
        return False
    # A star says that the node does not answer, a dollar sign that it is under maintenance.
    return found[1] in _USABLE and not set(found[2]) & {"*", "$"}


def gpus_of(gres: str) -> dict[str, int]:
    """GPUs by type in the generic resources of a node, such as `gpu:b200:8(S:0-1),nvme:2`."""
    found: dict[str, int] = defaultdict(int)
    for item in re.sub(r"\([^)]*\)", "", gres).split(","):
        parts = item.split(":")
        if parts[0] != "gpu":
            continue
        is_counted = len(parts) > 1 and parts[-1].isdecimal() and len(parts[-1]) < 5
        kind = ":".join(parts[1:-1] if is_counted else parts[1:])
        found[shown(kind, 64)] += int(parts[-1]) if is_counted else 1
    return dict(found)


def job_state(text: str) -> JobState:
    """The answer of squeue or sacct about one job; `CANCELLED by 1000` is cancelled."""
    word, _, reason = text.strip().split("\n")[0].partition("|")
    found = re.match(r"[A-Z_]{4,24}", word)
    if found is None:
        _unreadable("squeue", text)
    return JobState(found[0], shown(reason, 100))


def _rows(program: str, text: str) -> Sequence[str]:
    rows = [line for line in text.splitlines() if line.strip()]
    if len(rows) > _MOST_ROWS:
        _unreadable(program, f"{len(rows)} lines")
    return rows


def _unreadable(program: str, what: str) -> NoReturn:
    raise KokunaiError(
        ja=f"{program} の応答を読み取れません: {shown(what, 100)}",
        en=f"the answer of {program} is not understood: {shown(what, 100)}",
    )


def counting_script(node_count: int) -> str:
    """The job that lists the GPUs of every node of its allocation, a line each."""
    return _SCRIPT.format(nodes=node_count, mark=_MARK)


_SCRIPT = """\
#!/bin/sh
# Kokunai: lists the GPUs of this allocation, then ends.
exec srun --nodes={nodes} --ntasks={nodes} --ntasks-per-node=1 sh -c '
node=${{SLURMD_NODENAME:-$(hostname)}}
echo "{mark}|node|$node|$CUDA_VISIBLE_DEVICES"
if gpus=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>&1); then
  echo "$gpus" | while read -r name; do echo "{mark}|gpu|$node|$name"; done
else
  echo "{mark}|trouble|$node|$(echo "$gpus" | head -n 1)"
fi
echo "{mark}|end|$node|"
'
"""


def reports(text: str) -> tuple[NodeReport, ...]:
    """What `counting_script` printed, by node; other lines are a site's own and are left out."""
    said: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines()[:_MOST_ROWS]:
        fields = line.split("|", 3)
        if len(fields) != 4 or fields[0] != _MARK or not _NAME.fullmatch(fields[2]):
            continue
        kinds = said.setdefault(fields[2], defaultdict(list))
        kinds[fields[1]].append(shown(fields[3], 100))
    return tuple(
        NodeReport(
            node=node,
            gpus=_usable_gpus(kinds["gpu"], kinds["node"]),
            trouble=next(iter(kinds["trouble"]), ""),
            is_whole=bool(kinds["end"]),
        )
        for node, kinds in said.items()
    )


def _usable_gpus(listed: Sequence[str], visible: Sequence[str]) -> tuple[str, ...]:
    """Where Slurm does not hide the other jobs' GPUs, only as many as the job was given."""
    given = [device for text in visible for device in text.split(",") if device]
    return tuple(listed[: len(given)] if given else listed)
