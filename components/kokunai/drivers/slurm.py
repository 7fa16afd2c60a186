"""Calls the commands of Slurm on a login node, as an ordinary user, and reads their answers."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from kokunai.drivers.slurm_answers import (
    JOB_FORMAT,
    PARTITION_FORMAT,
    JobState,
    Partition,
    job_state,
    partitions,
)
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown

_JOB_MINUTES = 5
"""A job that counts GPUs takes seconds; what hangs is ended by Slurm itself."""
_DIRECTORY = ".kokunai"
_MOST_OUTPUT_BYTES = 256 * 1024


@dataclass(frozen=True)
class Answer:
    """How a command ended on the login node."""

    code: int
    output: str
    error: str = ""


Run = Callable[[Sequence[str], str], Awaitable[Answer]]
"""Runs a command, given its standard input, on the login node."""


@dataclass(frozen=True)
class Allocation:
    """What a job asks for."""

    name: str
    node_count: int
    gpus_per_node: int
    gpu_type: str = ""
    partition: str = ""
    account: str = ""

    @property
    def options(self) -> list[str]:
        """Options of sbatch."""
        gpus = f"gpu:{self.gpu_type}:" if self.gpu_type else "gpu:"
        chosen = {"partition": self.partition, "account": self.account}
        return [
            f"--job-name={self.name}",
            f"--nodes={self.node_count}",
            "--ntasks-per-node=1",
            f"--gres={gpus}{self.gpus_per_node}",
            f"--time={_JOB_MINUTES}",
            "--no-requeue",
            *(f"--{option}={value}" for option, value in chosen.items() if value),
        ]


class Slurm:
    """Slurm as the user of a login node sees it; a method is a call.

    Every method raises KokunaiError where a command fails or its answer is not understood.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._user = ""

    async def refuse_root(self) -> None:
        """Raises KokunaiError where the login has the rights of root."""
        text = await self._output(["id"])
        found = re.match(r"uid=([0-9]{1,10})\(([^()\s]{1,64})\)", text)
        if found is None:
            _not_understood("id", text)
        if found[1] == "0":
            raise KokunaiError(
                ja="Slurm のログインノードに root で入っています。一般のユーザーにしてください",
                en="the login node of Slurm was entered as root; use an ordinary user",
            )
        self._user = found[2]

    async def version(self) -> str:
        """For example `slurm 24.11.5`."""
        return shown(await self._output(["sinfo", "--version"]), 60)

    async def partitions(self) -> tuple[Partition, ...]:
        """All partitions that the user sees."""
        text = await self._output(["sinfo", "--noheader", f"--format={PARTITION_FORMAT}"])
        return partitions(text)

    async def submit(self, wanted: Allocation, script: str) -> str:
        """Id of the new job; its output goes to a file of the user's home."""
        await self._output(["mkdir", "-p", "-m", "700", _DIRECTORY])
        command = ["sbatch", "--parsable", *wanted.options, f"--output={_file(wanted.name, '%j')}"]
        text = await self._output(command, script)
        found = re.fullmatch(r"([0-9]{1,12})(;\S*)?", text)
        if found is None:
            _not_understood("sbatch", text)
        return found[1]

    async def state(self, job: str) -> JobState | None:
        """The state of a job, None where Slurm does not remember it."""
        asked = ["squeue", "--noheader", f"--jobs={job}", "--states=all", f"--format={JOB_FORMAT}"]
        answer = await self._run(asked, "")
        if answer.code == 0 and answer.output.strip():
            return job_state(answer.output)
        if answer.code and "Invalid job id" not in answer.error:
            _failed("squeue", answer)
        asked = ["sacct", "--noheader", "--parsable2", "-X", f"--jobs={job}", "--format=State"]
        answer = await self._run(asked, "")
        is_told = answer.code == 0 and answer.output.strip()
        return job_state(answer.output) if is_told else None

    async def output(self, name: str, job: str) -> str:
        """What a job has written so far; empty where there is nothing yet."""
        asked = ["head", "-c", str(_MOST_OUTPUT_BYTES), _file(name, job)]
        answer = await self._run(asked, "")
        return answer.output if answer.code == 0 else ""

    async def remove_output(self, name: str, job: str) -> None:
        """Remove the file of a job's output."""
        await self._run(["rm", "-f", _file(name, job)], "")

    async def cancel(self, name: str) -> None:
        """Cancel every job of the user that has this name; none is fine."""
        user = [f"--user={self._user}"] if self._user else []
        await self._output(["scancel", *user, f"--name={name}"])

    async def _output(self, command: Sequence[str], given: str = "") -> str:
        """What a command prints."""
        answer = await self._run(command, given)
        if answer.code:
            _failed(command[0], answer)
        return answer.output.strip()


def _file(name: str, job: str) -> str:
    return f"{_DIRECTORY}/{name}-{job}.out"


def _failed(program: str, answer: Answer) -> NoReturn:
    said = shown(answer.error or answer.output)
    raise KokunaiError(
        ja=f"ログインノードの {program} が失敗しました（終了コード {answer.code}）: {said}",
        en=f"{program} failed on the login node (exit status {answer.code}): {said}",
    )


def _not_understood(program: str, text: str) -> NoReturn:
    raise KokunaiError(
        ja=f"ログインノードの {program} の応答を読み取れません: {shown(text, 100)}",
        en=f"the answer of {program} on the login node is not understood: {shown(text, 100)}",
    )
