"""Kill it anywhere, run it again: the next update converges, no orphan, no duplicate.

Each test is one life of a cluster (built, grown, changed, shrunk, destroyed) with a kill in every
part of it. `make test` runs one life for each kind of process; with KOKUNAI_FAULTS=all there is a
life for every moment of the table.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from support.fault_matrix import IS_ALL
from support.kills import TARGETS, Moment, at_ansible, at_call, at_file, interrupted, wait_until
from support.pulumi_project import Sandbox, matches_state, stop

pytestmark = [pytest.mark.e2e, pytest.mark.hosts]

UP = ("pulumi", "up", "--yes", "--skip-preview", "--stack", "e2e")
DESTROY = ("pulumi", "destroy", "--yes", "--skip-preview", "--stack", "e2e")
PLAYBOOK = ("Ansible", "/etc/sysctl.d/60-kokunai.conf", "/etc/nccl.conf")
"""Moments in a playbook: it has begun, it has written this file."""


@dataclass(frozen=True)
class Step:
    """A part of a cluster's life, and how many calls of each method it makes at least."""

    name: str
    change: Callable[[Sandbox], None]
    calls: dict[str, int]
    command: tuple[str, ...] = UP
    has_playbook: bool = False

    def moments(self, target: str) -> Iterator[str]:
        """Moments at which this process can be killed, such as `POST 3 after`."""
        if target != "ansible":
            for method, count in self.calls.items():
                for number in range(1, count + 1):
                    yield from (f"{method} {number} before", f"{method} {number} after")
        # The emulator has no part in the playbook.
        if self.has_playbook and target != "emulator":
            yield from PLAYBOOK


def _none(_: Sandbox) -> None:
    pass


def _nodes(count: int) -> Callable[[Sandbox], None]:
    def change(sandbox: Sandbox) -> None:
        sandbox.pool["node_count"] = count

    return change


def _one_node_less(sandbox: Sandbox) -> None:
    sandbox.pool["node_count"] = 1
    sandbox.environment["allow_data_loss"] = ["train"]


def _more_networks_and_a_clock(sandbox: Sandbox) -> None:
    sandbox.environment["access"]["ssh_from"] = ["198.18.0.0/15", "192.0.2.0/24"]
    sandbox.environment["hosts"] = {"ntp_servers": ["ntp.nict.jp"]}


LIFE = (
    Step("create", _none, {"POST": 5, "PUT": 3}, has_playbook=True),
    Step("grow", _nodes(2), {"POST": 2, "PUT": 3}, has_playbook=True),
    Step("update", _more_networks_and_a_clock, {"PUT": 1}, has_playbook=True),
    Step("shrink", _one_node_less, {"DELETE": 2}),
    Step("destroy", _none, {"DELETE": 5}, DESTROY),
)
SAMPLE = {
    "plugin": (
        "POST 4 after",
        "PUT 2 before",
        "/etc/nccl.conf",
        "DELETE 2 before",
        "DELETE 3 after",
    ),
    "engine": (
        "/etc/nccl.conf",
        "POST 2 after",
        "PUT 1 after",
        "DELETE 1 after",
        "DELETE 2 before",
    ),
    "emulator": (
        "POST 5 before",
        "POST 1 after",
        "PUT 1 before",
        "DELETE 2 after",
        "DELETE 4 after",
    ),
}
"""A moment for each step of the one life that `make test` runs; a run of Ansible alone is killed in
tests/playbooks."""


def _moment(text: str) -> Moment:
    if text == "Ansible":
        return at_ansible
    if text.startswith("/"):
        return at_file(text)
    method, number, when = text.split()
    return at_call(method, int(number), when)


def _lives(target: str) -> list[tuple[str, ...]]:
    """For each life, a moment for each step; empty where nothing is killed."""
    if not IS_ALL:
        return [SAMPLE[target]]
    moments = [list(step.moments(target)) or [""] for step in LIFE]
    longest = max(map(len, moments))
    return [tuple(one[life % len(one)] for one in moments) for life in range(longest)]


def test_the_sample_is_part_of_the_whole():
    for target, sample in SAMPLE.items():
        for step, moment in zip(LIFE, sample, strict=True):
            assert moment in [*step.moments(target), ""]


@pytest.mark.parametrize("target", TARGETS if IS_ALL else SAMPLE)
def test_a_kill_in_every_part_of_a_life_is_mended_by_the_next_run(sandbox: Sandbox, target: str):
    kills = 0
    for life in _lives(target):
        for step, moment in zip(LIFE, life, strict=True):
            step.change(sandbox)
            if moment:
                sandbox.write_stack()
                interrupted(sandbox, target, _moment(moment), *step.command)
                sandbox.pulumi("cancel", "--yes", check=False)
                kills += 1
            _mend(sandbox, step)
        sandbox.reset_environment()
    print(f"kills of {target}: {kills}, all mended by the next run")


def _mend(sandbox: Sandbox, step: Step) -> None:
    if step.command == DESTROY:
        sandbox.pulumi("destroy", "--yes", "--skip-preview")
        assert not any(sandbox.lab("state")["counts"].values())
        return
    sandbox.up()
    matches_state(sandbox)
    last = f"train-{sandbox.pool['node_count'] - 1}"
    assert sandbox.ssh(last, "hostname") == f"e2e-{last}"


def test_an_api_that_does_not_answer_for_a_while_is_waited_for(sandbox: Sandbox):
    update = sandbox.start(*UP)
    wait_until(lambda: sandbox.api("disk")["Count"] > 0, update)
    daemon = sandbox.lab("state")["pid"]

    os.kill(daemon, signal.SIGSTOP)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            update.wait(timeout=10)
    finally:
        os.kill(daemon, signal.SIGCONT)
    assert update.wait(timeout=240) == 0
    matches_state(sandbox)


def test_one_ctrl_c_ends_an_up_in_time_and_the_next_up_goes_on(sandbox: Sandbox):
    update = sandbox.start(*UP)
    wait_until(lambda: sandbox.api("disk")["Count"] > 0, update)

    stop(update, signal.SIGINT)
    asked = time.monotonic()
    update.wait(timeout=60)

    assert time.monotonic() - asked < 15
    sandbox.up()
    matches_state(sandbox)
