"""Pulumi's own mocks, which remember what a program declares."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import settings

ANSWERS = {
    "address": "198.18.0.11",
    "serverId": "1",
    "configDigest": "0" * 16,
    "hostKeySeed": "5" * 64,
    "hostKey": "",
    "hostIdentity": "1",
}
"""Outputs of every resource beside its inputs."""


class Recorder(pulumi.runtime.Mocks):
    """Remembers every resource; ids are the names."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], dict[str, Any]] = {}
        self.providers: dict[tuple[str, str], str] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        assert (args.typ, args.name) not in self.seen
        self.seen[args.typ, args.name] = args.inputs
        self.providers[args.typ, args.name] = str(args.provider)
        return f"is1a/{args.name}", {**args.inputs, **ANSWERS}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(args.token)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "id").write_text("private")
    (tmp_path / "id.pub").write_text("ssh-ed25519 AAAA demo\n")
    return tmp_path


@pytest.fixture
def loops() -> Iterator[None]:
    """Pulumi's mocks run on the current event loop, and answer in threads that need one each.

    Threads without a loop would make one that nobody closes. All of them have ended when the
    next test begins.
    """
    loop = asyncio.new_event_loop()
    of_threads: list[asyncio.AbstractEventLoop] = []
    loop.set_default_executor(ThreadPoolExecutor(initializer=_begin_thread, initargs=(of_threads,)))
    asyncio.set_event_loop(loop)
    yield
    _cancel_tasks(loop)
    loop.run_until_complete(loop.shutdown_default_executor())
    asyncio.set_event_loop(None)
    for ended in (*of_threads, loop):
        ended.close()


def _begin_thread(loops: list[asyncio.AbstractEventLoop]) -> None:
    loop = asyncio.new_event_loop()
    loops.append(loop)
    asyncio.set_event_loop(loop)


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """A test that is refused never runs what the mocks have begun."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()

    async def all_ended() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(all_ended())


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, loops: None) -> Recorder:
    monkeypatch.setenv("SAKURA_API_ROOT_URL", "http://127.0.0.1:1/cloud/zone")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///state")
    monkeypatch.setenv("SAKURA_ACCESS_TOKEN", "for tests")
    monkeypatch.setenv("SAKURA_ACCESS_TOKEN_SECRET", "for tests")
    # Pulumi keeps the first stack of a process, whose futures belong to the loop of its test.
    settings.ROOT.set(None)
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
