"""Recorded answers of Slurm 22.05 and 24.11, and what must not be taken for one."""

from __future__ import annotations

import pytest

from kokunai.drivers import slurm_answers
from kokunai.drivers.slurm_answers import gpus_of, job_state, partitions, reports
from kokunai.errors import KokunaiError
from kokunai.plugin.contract.slurm_checks import is_model


@pytest.mark.parametrize(
    ("gres", "gpus"),
    [
        ("gpu:b200:8(S:0-1)", {"b200": 8}),
        ("gpu:8", {"": 8}),
        ("gpu", {"": 1}),
        ("gpu:b200", {"b200": 1}),
        ("gpu:nvidia_h100_80gb_hbm3:4(S:0,2),gpu:a100:2(S:1),nvme:1", None),
        ("(null)", {}),
        ("shard:gpu:4,nic:8", {}),
    ],
)
def test_gpus_are_read_from_generic_resources(gres: str, gpus: dict[str, int] | None):
    assert gpus_of(gres) == ({"nvidia_h100_80gb_hbm3": 4, "a100": 2} if gpus is None else gpus)


def test_a_partition_gathers_its_groups_of_nodes():
    text = (
        "gpu*|up|4-00:00:00|12|idle|gpu:b200:8(S:0-1)\n"
        "gpu*|up|4-00:00:00|3|allocated|gpu:b200:8(S:0-1)\n"
        "gpu*|up|4-00:00:00|1|drained*|gpu:b200:8(S:0-1)\n"
        "gpu*|up|4-00:00:00|1|inval|gpu:b200:8\n"
        "cpu|inact|infinite|40|mixed-|(null)\n"
    )

    gpu, cpu = partitions(text)

    assert (gpu.name, gpu.is_default, gpu.is_up, gpu.node_count) == ("gpu", True, True, 17)
    assert gpu.gpu_types == ["b200:8"]
    usable = [group.count for group in gpu.nodes_with(8, "b200") if group.is_usable]
    assert usable == [12, 3]
    assert gpu.nodes_with(8, "h200") == ()
    assert (cpu.is_default, cpu.is_up, cpu.time_limit, cpu.gpu_types) == (
        *(False, False, "infinite"),
        [],
    )


@pytest.mark.parametrize(
    ("state", "is_usable"),
    [
        ("idle", True),
        ("idle~", True),
        ("mixed", True),
        ("planned", True),
        ("idle*", False),
        ("down", False),
        ("draining", False),
        ("maint", False),
        ("mixed$", False),
        ("unheard_of", False),
        ("", False),
    ],
)
def test_only_nodes_in_service_count(state: str, is_usable: bool):
    [row] = partitions(f"gpu|up|1:00|1|{state}|gpu:1")

    assert row.nodes[0].is_usable is is_usable


@pytest.mark.parametrize(
    "text",
    ["gpu|up|1:00|x|idle|gpu:1", "slurm is down for maintenance", "g u|up|1:00|1|idle|", "a|" * 9],
)
def test_another_answer_than_that_of_sinfo_is_refused(text: str):
    with pytest.raises(KokunaiError, match="answer of sinfo is not understood"):
        partitions(text)


def test_an_answer_without_end_is_refused():
    with pytest.raises(KokunaiError, match="5001 lines"):
        partitions("gpu|up|1:00|1|idle|gpu:1\n" * 5001)


@pytest.mark.parametrize(
    ("text", "is_waiting", "is_over"),
    [
        ("PENDING|Resources", True, False),
        ("RUNNING|None", False, False),
        ("COMPLETING|None", False, False),
        ("COMPLETED|None\n", False, True),
        ("CANCELLED by 1000", False, True),
        ("NODE_FAIL|", False, True),
        ("TIMEOUT|TimeLimit", False, True),
    ],
)
def test_states_of_a_job(text: str, is_waiting: bool, is_over: bool):
    state = job_state(text)

    assert (state.is_waiting, state.is_over) == (is_waiting, is_over)


def test_what_is_no_state_is_refused():
    with pytest.raises(KokunaiError, match="squeue"):
        job_state("error: no route")


def test_a_job_reports_by_node_whatever_else_is_printed():
    text = (
        "Loading modules\n"
        "kokunai|node|n1|0,1\n"
        "kokunai|node|n2|\n"
        "kokunai|gpu|n2|NVIDIA B200\n"
        "kokunai|gpu|n1|NVIDIA B200\n"
        "kokunai|gpu|n1|NVIDIA B200\n"
        "kokunai|gpu|n1|NVIDIA B200\n"
        "kokunai|end|n1|\n"
        "kokunai|trouble|n3|sh: \x1b[31mnvidia-smi: not found\n"
        "kokunai|gpu|../n4|NVIDIA B200\n"
    )

    n1, n2, n3 = reports(text)

    # Of three that are to be seen the job was given two.
    assert (n1.node, len(n1.gpus), n1.is_whole) == ("n1", 2, True)
    assert (n2.node, n2.gpus, n2.is_whole) == ("n2", ("NVIDIA B200",), False)
    assert "\x1b" not in n3.trouble


def test_the_script_names_the_nodes_and_is_not_larger_than_needed():
    script = slurm_answers.counting_script(3)

    assert "--nodes=3 --ntasks=3 --ntasks-per-node=1" in script
    assert script.startswith("#!/bin/sh\n")
    assert "{" not in script.replace("${SLURMD_NODENAME", "")


@pytest.mark.parametrize(
    ("wanted", "name", "same"),
    [
        ("B200", "NVIDIA B200", True),
        ("b200", "NVIDIA B200", True),
        ("B200", "NVIDIA GB200", False),
        ("H100 80GB", "NVIDIA H100 80GB HBM3", True),
        ("H100", "NVIDIA H200", False),
        ("H100", "NVIDIA H100 PCIe", False),
        ("H200", "NVIDIA H200 NVL", False),
        ("H100", "NVIDIA H100 Something", None),
        ("-", "NVIDIA H200", False),
    ],
)
def test_a_model_is_compared_word_by_word(wanted: str, name: str, same: bool | None):
    assert is_model(wanted, name) is same
