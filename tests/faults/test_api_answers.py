"""One damaged answer at every call of every kind: no traceback, no double, nothing falsely gone.

`make test` tries a sample; with KOKUNAI_FAULTS=all 2,000 are tried and the counts are printed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
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
from support.faulty_sakura import Fault, FaultySakura, Quick
from support.mutations import ALL, Mutation

SEED = 20261128
IS_ALL = os.environ.get("KOKUNAI_FAULTS") == "all"
CASES = 2000 if IS_ALL else 200
OPERATIONS = ("preview", "create", "read", "update", "delete")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB me"
IMAGE = "Debian GNU/Linux 12 (bookworm) 64bit"
GOVERNED = {"zone": "is1a", "site": "sakura-ishikari", "labels": {"data-class": "internal"}}
NAMED = {**GOVERNED, "description": "", "tags": []}
RULE = {"protocol": "tcp", "destinationPort": "22", "action": "allow"}


@dataclass(frozen=True)
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
    """One resource through its life, with one damaged answer in one operation."""

    def __init__(self, sakura: FaultySakura, subject: Subject, operation: str) -> None:
        self.sakura, self.subject, self.operation = sakura, subject, operation
        self.kind = subject.kind(sakura.accounts)
        self.op = sakura.operation()
        self.news: dict[str, Any] = {}
        self.made: Created | None = None

    async def prepare(self) -> None:
        """Check the inputs, and create the resource unless the create is what is tried."""
        given = {**self.subject.inputs, "name": self.op.name}
        checked = await self.kind.check(Transition(new=given))
        assert not checked.failures
        self.news = checked.inputs
        if self.operation not in {"preview", "create"}:
            self.made = await self.kind.create(self.op, Transition(new=self.news))
        self.sakura.forget_products()

    async def run(self) -> Any:
        """The operation itself."""
        if self.operation == "create":
            self.made = await self.kind.create(self.op, Transition(new=self.news))
            return self.made
        if self.operation == "preview":
            op = Quick(name=self.op.name, digest=self.op.digest, preview=True)
            return await self.kind.preview(op, Transition(new=self.news))
        assert self.made is not None
        state = Transition(self.made.id, self.made.outputs, self.news)
        if self.operation == "read":
            return await self.kind.read(self.op, state)
        if self.operation == "delete":
            return await self.kind.delete(self.op, state)
        new = {**self.news, **self.subject.changed}
        return await self.kind.update(self.op, Transition(state.id, state.state, state.old, new))

    def judge(self, result: Any, error: Exception | None) -> list[str]:
        """What is wrong with the outcome; an empty list is what it must be."""
        wrong = _wrong_words(error) if error is not None else []
        if self.operation == "read" and result is None and error is None:
            wrong.append("silently gone: a read")
        if self.operation == "delete" and error is None and any(self.counts().values()):
            wrong.append(f"silently gone: a delete {self.counts()}")
        return wrong + self.doubles()

    async def mend(self) -> list[str]:
        """Repeat in a new process without a fault and delete; what is wrong with what is left."""
        wrong = []
        self.sakura.forget_products()
        if self.operation in {"preview", "create"}:
            self.made = await self.kind.create(self.op, Transition(new=self.news))
        elif self.operation != "delete":
            await self.run()
        if self.operation != "delete" and self.counts() != self.subject.makes:
            wrong.append(f"not mended: {self.counts()}")
        assert self.made is not None
        state = Transition(self.made.id, self.made.outputs, self.news)
        await self.kind.delete(self.op, state)
        if any(self.counts().values()):
            wrong.append(f"orphans: {self.counts()}")
        return wrong

    def counts(self) -> dict[str, int]:
        """What the account has of this resource."""
        stored = self.sakura.stored()
        servers = {doc["id"] for doc in stored["server"] if self._is_mine(doc)}
        return {
            kind: sum(
                self._is_mine(doc) or doc.get("server_id") in servers for doc in stored[kind]
            )
            for kind in self.subject.makes
        }

    def _is_mine(self, doc: dict[str, Any]) -> bool:
        words = [*doc.get("tags", []), doc.get("name", ""), doc.get("description", "")]
        return any(self.op.digest in word for word in words)

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


async def call_counts(sakura: FaultySakura, every: dict[str, Subject]) -> dict[tuple[str, str], int]:
    """How many calls each operation of each kind makes when nothing goes wrong."""
    counts = {}
    for name, subject in every.items():
        for operation in OPERATIONS:
            case = Case(sakura, subject, operation)
            await case.prepare()
            result, error, calls = await sakura.with_fault(None, case.run)
            assert case.judge(result, error) == []
            assert error is None
            assert await case.mend() == []
            counts[name, operation] = len(calls)
    return counts


def chosen(counts: dict[tuple[str, str], int]) -> Iterator[tuple[str, str, int, Mutation, int]]:
    """The cases in an order that depends on the seed alone: each call of each operation in turn."""
    random = Random(SEED)  # noqa: S311 - to be repeated, not to be secret
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
    switch = await _switch(sakura)
    every = subjects(switch)
    outcomes: Counter[str] = Counter()
    found = []

    counts = await call_counts(sakura, every)
    for name, operation, number, mutation, seed in chosen(counts):
        case = Case(sakura, every[name], operation)
        await case.prepare()
        fault = Fault(number, mutation, Random(seed))  # noqa: S311 - to be repeated
        result, error, calls = await sakura.with_fault(fault, case.run)
        outcomes[type(error).__name__ if error else "went through"] += 1
        wrong = case.judge(result, error) or await case.mend()
        call = calls[number] if number < len(calls) else "-"
        found += [f"{name} {operation} #{number} ({call}) {mutation.name} {seed}: {wrong}"][: len(wrong)]

    print(f"\n{sum(counts.values())} calls: {counts}")
    print(f"{CASES} damaged answers: {dict(outcomes)}; wrong: {len(found)}")
    assert found == []


async def _switch(sakura: FaultySakura) -> str:
    case = Case(sakura, subjects("")["switch"], "read")
    await case.prepare()
    assert case.made is not None
    return case.made.id
