"""One damaged answer at every call of every kind: no traceback, no double, nothing falsely gone.

`make test` tries a sample; with KOKUNAI_FAULTS=all 2,000 are tried and the counts are printed.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kokunai.plugin import waiting
from kokunai.plugin.kind import Created, InitFailed, Transition
from kokunai.plugin.sakura import power
from kokunai.plugin.sakura.nfs import Nfs
from kokunai.plugin.sakura.packet_filter import PacketFilter
from kokunai.plugin.sakura.server.kind import Server
from kokunai.plugin.sakura.ssh_key import SshKey
from kokunai.plugin.sakura.switch import Switch
from kokunai.plugin.serving.responses import abort_of
from support.fault_matrix import IS_ALL
from support.faulty_sakura import OWNER, Fault, FaultySakura, Quick
from support.mutations import ALL, Mutation

SEED = 20261128
CASES = 2000 if IS_ALL else 120
OPERATIONS = ("preview", "create", "preview of an update", "read", "update", "delete")
FROM_NOTHING = ("preview", "create")
STANDING = ("preview of an update", "read", "update")
"""Operations after which the resource is still there, so that one serves for many cases."""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB me"
IMAGE = "Debian GNU/Linux 12 (bookworm) 64bit"
GOVERNED = {
    "owner": OWNER,
    "zone": "is1a",
    "site": "sakura-ishikari",
    "labels": {"data-class": "internal"},
}
NAMED = {**GOVERNED, "description": "", "tags": []}
RULE = {"protocol": "tcp", "destinationPort": "22", "action": "allow"}


@dataclasses.dataclass(frozen=True)
class Subject:
    """A kind, right inputs, a change of them, and the collections in which it makes things."""

    kind: type[Any]
    inputs: dict[str, Any]
    changed: dict[str, Any]
    makes: dict[str, int]


def subjects(switch_id: str) -> dict[str, Subject]:
    server = {
        "plan": {"cpuCount": 4, "memoryGib": 56, "gpuCount": 1, "commitment": "standard"},
        "disks": [{"sizeGib": 20, "plan": "ssd", "image": IMAGE}, {"sizeGib": 40, "plan": "hdd"}],
        "nics": [
            {"switchId": "shared", "address": "", "gateway": ""},
            {"switchId": switch_id, "address": "192.168.0.5", "gateway": ""},
        ],
        "startupScript": "#!/bin/sh\ntrue\n",
        "sshPublicKeys": [KEY],
    }
    nfs = {"plan": "ssd", "sizeGib": 100, "switchId": switch_id, "address": "192.168.0.9"}
    unlabelled = {key: value for key, value in NAMED.items() if key != "tags"}
    return {
        "server": Subject(
            Server,
            {**NAMED, **server},
            {"hostName": "renamed", "description": "other"},
            {"server": 1, "disk": 2, "interface": 2, "note": 0},
        ),
        "switch": Subject(Switch, NAMED, {"description": "other"}, {"switch": 1}),
        "filter": Subject(
            PacketFilter, {**unlabelled, "rules": [RULE]}, {"rules": []}, {"packetfilter": 1}
        ),
        "key": Subject(
            SshKey, {**unlabelled, "publicKey": KEY}, {"description": "other"}, {"sshkey": 1}
        ),
        "nfs": Subject(
            Nfs, {**NAMED, **nfs, "prefixLength": 24}, {"description": "other"}, {"appliance": 1}
        ),
    }


@pytest.fixture(autouse=True)
def _on_a_quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A poll costs no time, so that only the number of polls is bounded."""
    monkeypatch.setattr(power, "_PRESS_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "_SAY_AGAIN_SECONDS", 1e9)


@pytest.fixture
async def sakura(tmp_path: Path) -> AsyncIterator[FaultySakura]:
    sakura = FaultySakura(tmp_path / "lab")
    yield sakura
    await sakura.close()


class Case:
    """A resource through its life, with one damaged answer in one operation."""

    def __init__(self, sakura: FaultySakura, subject: Subject) -> None:
        self.sakura, self.subject = sakura, subject
        self.kind = subject.kind(sakura.accounts)
        self.op = sakura.operation()
        self.news: dict[str, Any] = {}
        self.made: Created | None = None

    async def check(self) -> None:
        """Fill in the defaults of the inputs."""
        given = {**self.subject.inputs, "name": self.op.name}
        checked = await self.kind.check(Transition(new=given))
        assert not checked.failures
        self.news = checked.inputs

    async def create(self) -> None:
        """Create it, or finish what an earlier create left."""
        self.made = await self.kind.create(self.op, Transition(new=self.news))

    async def run(self, operation: str) -> Any:
        """The operation itself, in a new process and with its own time limit."""
        self.sakura.forget_products()
        self.op.slept = 0.0
        if operation == "create":
            return await self.create()
        if operation == "preview":
            return await self.kind.preview(self._preview(), Transition(new=self.news))
        assert self.made is not None
        state = Transition(self.made.id, self.made.outputs, self.news)
        if operation == "read":
            return await self.kind.read(self.op, state)
        if operation == "delete":
            return await self.kind.delete(self.op, state)
        return await self._update(state, operation)

    async def _update(self, state: Transition, operation: str) -> Any:
        """There and back again, so that every update has something to do."""
        is_changed = all(self.news[key] == value for key, value in self.subject.changed.items())
        given = self.subject.inputs if is_changed else self.subject.changed
        wanted = {key: given.get(key, self.news[key]) for key in self.subject.changed}
        if is_changed and "hostName" in wanted:
            wanted["hostName"] = self.op.name
        new = {**self.news, **wanted}
        transition = Transition(state.id, state.state, state.old, new)
        if operation != "update":
            return await self.kind.preview(self._preview(), transition)
        outputs = await self.kind.update(self.op, transition)
        self.made, self.news = Created(state.id, outputs), new
        return outputs

    def _preview(self) -> Quick:
        return dataclasses.replace(self.op, slept=0.0, preview=True)

    def judge(self, operation: str, result: Any, error: Exception | None) -> list[str]:
        """What is wrong with the outcome; an empty list is what it must be."""
        wrong = _wrong_words(error) if error is not None else []
        if operation == "read" and result is None and error is None:
            wrong.append("silently gone: a read")
        if operation == "delete" and error is None and any(self.counts().values()):
            wrong.append(f"silently gone: a delete {self.counts()}")
        return wrong + self.doubles()

    async def mend(self, operation: str) -> list[str]:
        """What is wrong after the next run, which has no fault."""
        await self.run("create" if operation == "preview" else operation)
        if operation == "delete":
            return [f"orphans: {self.counts()}"] if any(self.counts().values()) else []
        counts = self.counts()
        return [f"not mended: {counts}"] if counts != self.subject.makes else []

    def counts(self) -> dict[str, int]:
        """What the account has of this resource."""
        stored = self.sakura.stored()
        servers = {doc["id"] for doc in stored["server"] if self._is_mine(doc)}
        return {
            kind: sum(self._is_mine(doc) or doc.get("server_id") in servers for doc in stored[kind])
            for kind in self.subject.makes
        }

    def _is_mine(self, doc: dict[str, Any]) -> bool:
        words = [*doc.get("tags", []), doc.get("name", ""), doc.get("description", "")]
        return any(self.op.place in word for word in words)

    def doubles(self) -> list[str]:
        most = {**self.subject.makes, "note": 1}
        counts = self.counts()
        return [f"double: {kind} {n}" for kind, n in counts.items() if n > most[kind]]


def _wrong_words(error: Exception) -> list[str]:
    said = abort_of(error).message
    if isinstance(error, InitFailed):
        said += "\n".join(error.reasons)
    wrong = ["traceback: " + said] if "Traceback" in said or "bug in kokunai" in said else []
    unclean = [one for one in said if not one.isprintable() and one != "\n"]
    return [*wrong, *([f"unclean: {said!r}"] if unclean else [])]


class Bench:
    """Runs cases; one resource of each kind stands for the operations that leave it standing."""

    def __init__(self, sakura: FaultySakura, every: dict[str, Subject]) -> None:
        self.sakura, self.every = sakura, every
        self._standing: dict[str, Case] = {}

    async def case(self, name: str, operation: str) -> Case:
        """A resource to try the operation on."""
        if operation in STANDING and name in self._standing:
            return self._standing[name]
        case = Case(self.sakura, self.every[name])
        if operation not in STANDING and "address" in case.subject.inputs:
            # The one that stands has its address.
            moved = {**case.subject.inputs, "address": "192.168.0.10"}
            case.subject = dataclasses.replace(case.subject, inputs=moved)
        await case.check()
        if operation not in FROM_NOTHING:
            await case.create()
        if operation in STANDING:
            self._standing[name] = case
        return case

    async def try_one(
        self, name: str, operation: str, fault: Fault | None = None
    ) -> tuple[list[str], Exception | None, list[str]]:
        """What is wrong, what was raised, and which calls were made."""
        before = self.sakura.ids()
        case = await self.case(name, operation)
        result, error, calls = await self.sakura.with_fault(fault, lambda: case.run(operation))
        wrong = case.judge(operation, result, error)
        wrong = wrong or await case.mend(operation)
        if operation not in STANDING:
            self.sakura.wipe(kept=before)
        return wrong, error, calls

    async def call_counts(self) -> dict[tuple[str, str], int]:
        """How many calls each operation of each kind makes when nothing goes wrong."""
        counts = {}
        for name in self.every:
            for operation in OPERATIONS:
                wrong, error, calls = await self.try_one(name, operation)
                assert (wrong, error) == ([], None)
                counts[name, operation] = len(calls)
        return counts


def chosen(counts: dict[tuple[str, str], int]) -> Iterator[tuple[str, str, int, Mutation, int]]:
    """The cases in an order that depends on the seed alone: each call of each operation in turn."""
    random = Random(SEED)
    places = [(*key, number) for key, calls in counts.items() for number in range(calls)]
    random.shuffle(places)
    queues = {place: random.sample(ALL, len(ALL)) for place in places}
    for index in range(CASES):
        place = places[index % len(places)]
        mutation = queues[place][index // len(places) % len(ALL)]
        yield *place, mutation, random.randrange(2**32)


async def test_a_damaged_answer_is_an_error_or_is_mended_by_the_next_run(
    sakura: FaultySakura,
) -> None:
    lan = Case(sakura, subjects("")["switch"])
    await lan.check()
    await lan.create()
    assert lan.made is not None
    bench = Bench(sakura, subjects(lan.made.id))
    counts = await bench.call_counts()
    outcomes: Counter[str] = Counter()
    found = []

    for name, operation, number, mutation, seed in chosen(counts):
        fault = Fault(number, mutation, Random(seed))
        wrong, error, calls = await bench.try_one(name, operation, fault)
        outcomes[type(error).__name__ if error else "went through"] += 1
        if wrong:
            call = calls[number] if number < len(calls) else "-"
            found.append(f"{name} {operation} #{number} ({call}) {mutation.name} {seed}: {wrong}")

    print(f"\n{CASES} damaged answers at {sum(counts.values())} calls of {len(counts)} operations")
    print(f"{dict(outcomes)}; tracebacks, doubles or falsely gone: {len(found)}")
    assert found == []
