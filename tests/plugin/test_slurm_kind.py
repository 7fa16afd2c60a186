"""The steps of `SlurmCluster` against recorded answers: what is judged, cancelled and refused."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from kokunai.drivers.slurm import Answer
from kokunai.errors import KokunaiError
from kokunai.plugin.contract import slurm
from kokunai.plugin.contract.login import Login
from kokunai.plugin.contract.slurm import SlurmCluster
from kokunai.plugin.kind import Cancelled, InitFailed, Transition
from support.operation import Operation

ASKED = {
    "site": "highreso-takamatsu",
    "labels": {},
    "pool": "train",
    "address": "192.0.2.1",
    "user": "researcher",
    "hostKey": "ssh-ed25519 AAAA",
    "privateKeyFile": "id",
    "keyId": "0123",
    "nodeCount": 1,
    "gpusPerNode": 2,
    "gpuModel": "B200",
}
SEEN = "kokunai|node|n1|\nkokunai|gpu|n1|NVIDIA B200\nkokunai|gpu|n1|NVIDIA B200\nkokunai|end|n1|\n"
SINFO = "gpu*|up|1:00:00|2|idle|gpu:b200:2"


@dataclass
class Scripted:
    """A login node whose commands answer as they are told; `ran` has all of them."""

    answers: dict[str, Answer] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)

    async def run(self, command: Any, given: str) -> Answer:
        self.ran.append(" ".join(command))
        usual = {
            "id": Answer(0, "uid=1000(researcher) gid=1000(researcher)\n"),
            "sinfo": Answer(0, SINFO),
            "sbatch": Answer(0, "7;cluster\n"),
            "squeue": Answer(0, "COMPLETED|None\n"),
            "head": Answer(0, SEEN),
        }
        program = "version" if "--version" in command else command[0]
        return {**usual, **self.answers}.get(program, Answer(0, "slurm 24.11.5"))

    def count(self, program: str) -> int:
        return sum(line.startswith(program) for line in self.ran)


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted()

    async def run(_: Login, command: Any, given: str) -> Answer:
        return await scripted.run(command, given)

    monkeypatch.setattr(Login, "run", run)
    monkeypatch.setattr(slurm, "_POLL_SECONDS", 0.01)
    return scripted


async def created(op: Operation | None = None, **changes: Any) -> dict[str, Any]:
    kind = SlurmCluster()
    checked = await kind.check(Transition(new={**ASKED, **changes}))
    assert not checked.failures
    return (await kind.create(op or Operation(), Transition(new=checked.inputs))).outputs


def verdicts(outputs: dict[str, Any]) -> str:
    return " ".join(one["verdict"] for one in outputs["verified"].values())


async def test_everything_passes_where_the_job_saw_what_is_promised(login: Scripted) -> None:
    outputs = await created(account="group-7", gpuType="b200", partition="gpu")

    assert verdicts(outputs) == "pass pass pass pass"
    assert all(one["takenAt"].endswith("Z") for one in outputs["verified"].values())
    [sbatch] = [line for line in login.ran if line.startswith("sbatch")]
    asked = ("--nodes=1", "--gres=gpu:b200:2", "--partition=gpu", "--account=group-7", "--time=5")
    assert all(option in sbatch for option in asked)
    assert not [line for line in login.ran if "root" in line or "sudo" in line]


async def test_a_job_that_a_killed_run_left_is_cancelled_before_the_next(login: Scripted) -> None:
    await created()

    programs = [line.split()[0] for line in login.ran]
    assert programs.index("scancel") < programs.index("sbatch")
    assert (programs[-1], programs.count("scancel")) == ("scancel", 2)
    assert f"--name={Operation.digest}" in login.ran[programs.index("scancel")]


async def test_a_job_that_gets_no_node_in_time_leaves_the_gpus_not_verified(
    login: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "_POLL_SECONDS", 5.0)
    monkeypatch.setattr(Operation, "sleep", lambda *_: asyncio.sleep(0))
    login.answers = {"squeue": Answer(0, "PENDING|Priority\n"), "head": Answer(1, "")}
    op = Operation()
    monkeypatch.setattr(slurm.Waiting, "once", lambda _, ask: ask())

    outputs = await created(op, queueSeconds=10)

    assert verdicts(outputs) == "pass not-verified not-verified not-verified"
    assert "PENDING" in outputs["verified"]["job"]["value"]
    assert any("Priority" in text for text in op.warnings)
    assert login.ran[-1].startswith("scancel")


@pytest.mark.parametrize(
    ("answers", "changes", "said"),
    [
        ({}, {"partition": "big"}, "there is no partition big; there are: gpu"),
        ({}, {"nodeCount": 3}, "gpu has 2 usable node(s), wanted are 3 x gpu:2"),
        ({}, {"gpuType": "h200"}, "gpu has 0 usable node(s), wanted are 1 x h200:2"),
        ({"squeue": Answer(0, "FAILED|NonZeroExitCode")}, {}, "the job ended as FAILED"),
        ({"head": Answer(0, SEEN.replace("B200", "H200"))}, {}, "not B200: NVIDIA H200"),
        ({"head": Answer(0, SEEN.replace("kokunai|gpu", "|", 1))}, {}, "not 2 GPUs a node: n1: 1"),
    ],
)
async def test_what_is_not_as_promised_fails(
    login: Scripted, answers: dict[str, Answer], changes: dict[str, Any], said: str
) -> None:
    login.answers = answers

    with pytest.raises(InitFailed) as failure:
        await created(**changes)

    assert said in str(failure.value)
    assert failure.value.id == "192.0.2.1:22"


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        ({"sinfo": Answer(0, "gpu*|up|infinite|2|down*|gpu:b200:2")}, 0),
        ({"head": Answer(0, SEEN.replace("kokunai|end", "x"))}, 1),
        ({"head": Answer(0, "kokunai|trouble|n1|nvidia-smi: not found\nkokunai|end|n1|")}, 1),
    ],
    ids=["nodes out of service", "a report that was cut", "no nvidia-smi"],
)
async def test_what_could_not_be_seen_is_not_verified(
    login: Scripted, answers: dict[str, Answer], left: int
) -> None:
    login.answers = answers

    outputs = await created()

    assert "fail" not in verdicts(outputs)
    assert outputs["verified"]["gpu_count"]["verdict"] == "not-verified"
    assert login.count("sbatch") == left


async def test_the_job_is_cancelled_when_the_engine_stops(login: Scripted) -> None:
    login.answers = {"squeue": Answer(0, "RUNNING|None\n")}
    op = Operation()
    creating = asyncio.create_task(created(op))
    while not login.count("squeue"):  # noqa: ASYNC110 - the scripted login node has no event
        await asyncio.sleep(0.01)

    op.stop.set()
    with pytest.raises(Cancelled):
        await creating

    assert login.ran[-1].startswith("scancel --user=researcher --name=")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"id": Answer(0, "uid=0(toor) gid=0(root)")}, "entered as root"),
        ({"id": Answer(0, "hello")}, "answer of id .* is not understood"),
        ({"sinfo": Answer(127, "", "sh: sinfo: not found")}, "sinfo failed .* 127.*not found"),
        ({"sbatch": Answer(1, "", "sbatch: error: Invalid account")}, "sbatch failed .*account"),
        ({"sbatch": Answer(0, "Submitted batch job 7")}, "answer of sbatch .* not understood"),
        (
            {"squeue": Answer(1, "", "Invalid job id specified"), "sacct": Answer(1, "")},
            "does not remember",
        ),
    ],
)
async def test_what_cannot_go_on_is_said(
    login: Scripted, answers: dict[str, Answer], said: str
) -> None:
    login.answers = answers

    with pytest.raises(KokunaiError, match=said):
        await created()

    assert not login.count("sbatch") or login.ran[-1].startswith("scancel")


async def test_a_job_that_the_queue_forgot_is_asked_of_the_accounting(login: Scripted) -> None:
    forgot = Answer(1, "", "slurm_load_jobs error: Invalid job id specified")
    login.answers = {"squeue": forgot, "sacct": Answer(0, "COMPLETED\n")}

    assert verdicts(await created()) == "pass pass pass pass"


async def test_only_what_concerns_the_cluster_runs_a_job_again(login: Scripted) -> None:
    kind, outputs = SlurmCluster(), await created()
    old = (await kind.check(Transition(new=ASKED))).inputs

    for change, jobs in (({"labels": {"a": "b"}}, 0), ({"gpuModel": "NVIDIA B200"}, 1)):
        login.ran.clear()
        new = {**old, **change}
        made = await kind.update(Operation(), Transition("x", outputs, old, new))
        assert (made["verified"].keys(), login.count("sbatch")) == (
            outputs["verified"].keys(),
            jobs,
        )


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"user": "root"}, "user"),
        ({"user": "-oProxyCommand=x"}, "user"),
        ({"address": "-oProxyCommand=x"}, "address"),
        ({"hostKey": "AAAA"}, "hostKey"),
        ({"partition": "--wrap=x"}, "partition"),
        ({"nodeCount": 0}, "nodeCount"),
    ],
)
async def test_inputs_that_could_mean_something_else_are_refused(
    changes: dict[str, Any], place: str
) -> None:
    failures = (await SlurmCluster().check(Transition(new={**ASKED, **changes}))).failures

    assert [problem.path for problem in failures] == [place]
