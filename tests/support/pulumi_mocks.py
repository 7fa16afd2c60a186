"""Pulumi's own mocks, which remember what a program declares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest


class Recorder(pulumi.runtime.Mocks):
    """Remembers every resource; ids are the names."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], dict[str, Any]] = {}
        self.providers: dict[tuple[str, str], str] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        assert (args.typ, args.name) not in self.seen
        self.seen[args.typ, args.name] = args.inputs
        self.providers[args.typ, args.name] = str(args.provider)
        return f"is1a/{args.name}", {**args.inputs, "address": "198.18.0.11", "serverId": "1"}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(args.token)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "id").write_text("private")
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAA demo\n")
    return tmp_path


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pulumi's mocks run on the current event loop and leave one in each of their threads."""
    made: list[asyncio.AbstractEventLoop] = []
    new_event_loop = asyncio.new_event_loop

    def remembered() -> asyncio.AbstractEventLoop:
        made.append(new_event_loop())
        return made[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", remembered)
    asyncio.set_event_loop(remembered())
    yield
    asyncio.set_event_loop(None)
    for loop in made:
        _end(loop)


def _end(loop: asyncio.AbstractEventLoop) -> None:
    """A test that is refused never runs what the mocks have begun."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def all_ended() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(all_ended())
    loop.close()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, loops: None) -> Recorder:
    monkeypatch.setenv("SAKURA_API_ROOT_URL", "http://127.0.0.1:1/cloud/zone")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///state")
    mocks = Recorder()
    pulumi.runtime.set_mocks(mocks, preview=False)
    return mocks


def declared(recorder: Recorder, program: Callable[[], object]) -> Recorder:
    """Run a program and wait until everything it declares is registered.

    What the program raises is raised once what it began before has come to its end.
    """
    refusals: list[Exception] = []

    @pulumi.runtime.test
    def build() -> None:
        try:
            program()
        except Exception as refusal:
            refusals.append(refusal)

    build()
    if refusals:
        raise refusals[0]
    return recorder
