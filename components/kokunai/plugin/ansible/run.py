"""Runs the playbooks in a process of their own, shows its progress and stops it on a cancel."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING

from kokunai.foreign_text import shown
from kokunai.plugin.ansible import places
from kokunai.plugin.ansible.outcome import Run
from kokunai.plugin.ansible.progress import Progress
from kokunai.plugin.ansible.run_directory import sweep
from kokunai.plugin.kind import SHUTDOWN_GRACE_SECONDS, Cancelled
from kokunai.plugin.redaction import masking

if TYPE_CHECKING:
    from collections.abc import Callable

    from kokunai.plugin.ansible.request import Request
    from kokunai.plugin.kind import Operation

# Shorter than the plugin's own time to end, so that the outcome of a run still reaches the engine.
GRACE_SECONDS = SHUTDOWN_GRACE_SECONDS - 1.5
_LONGEST_LINE = 600
_LINE_LIMIT_BYTES = 16 * 1024 * 1024


async def run_playbooks(op: Operation, request: Request, pool: str) -> Run:
    """Run to the end; `ended` of the result says how, unfinished hosts are `interrupted`."""
    run = Run.of(host.name for host in request.hosts)
    progress = Progress(pool, len(request.hosts))
    process = await _start(request)
    hide = masking(request.secrets.values(), "***")
    follower = asyncio.create_task(_follow(process, run, op, progress, hide))
    try:
        run.ended = await _until_end(op, follower, process)
    finally:
        await _stop(process, follower)
    if run.ended == "finished" and process.returncode:
        run.ended = "crashed"
    return run


async def _start(request: Request) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kokunai.plugin.ansible.runner",
        str(os.getpid()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=places.environment(),
        # In a session of its own the runner gets no Ctrl-C; the plugin stops it in an orderly way.
        start_new_session=True,
        limit=_LINE_LIMIT_BYTES,
    )
    assert process.stdin  # noqa: S101 - it was opened as a pipe
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(request.to_json().encode())
        await process.stdin.drain()
    process.stdin.close()
    return process


async def _until_end(
    op: Operation, follower: asyncio.Task[None], process: asyncio.subprocess.Process
) -> str:
    clock = asyncio.create_task(op.sleep(op.remaining_seconds()))
    await asyncio.wait({follower, clock}, return_when=asyncio.FIRST_COMPLETED)
    if not clock.done():
        clock.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await clock
        follower.result()
        await process.wait()
        return "finished"
    return "cancelled" if isinstance(clock.exception(), Cancelled) else "timeout"


async def _follow(
    process: asyncio.subprocess.Process,
    run: Run,
    op: Operation,
    progress: Progress,
    hide: Callable[[str], str],
) -> None:
    await asyncio.gather(
        _read_records(process, run, op, progress), _read_errors(process, run, hide)
    )


async def _read_records(
    process: asyncio.subprocess.Process, run: Run, op: Operation, progress: Progress
) -> None:
    assert process.stdout  # noqa: S101 - it was opened as a pipe
    async for line in process.stdout:
        record = json.loads(line)
        run.take(record)
        if record["record"] == "total":
            progress.total = record["tasks"]
        if record["record"] == "task":
            op.status(progress.line(record))


async def _read_errors(
    process: asyncio.subprocess.Process, run: Run, hide: Callable[[str], str]
) -> None:
    assert process.stderr  # noqa: S101 - it was opened as a pipe
    async for line in process.stderr:
        text = hide(line.decode(errors="replace"))
        run.take({"record": "said", "text": shown(text, _LONGEST_LINE)})


async def _stop(process: asyncio.subprocess.Process, follower: asyncio.Task[None]) -> None:
    """Ask the runner to stop, kill it if it does not, and end the processes that it left."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
    sweep()
    await asyncio.gather(follower, return_exceptions=True)
