"""Runs long commands while somebody watches."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from kokunai.airgap.errors import AirgapError

_LAUNCH = Path(__file__).parent / "language_host" / "launch.py"
_TICK_SECONDS = 0.2
_LINE_SECONDS = 30.0
_SHOWN_LINES = 15


def say(text: str) -> None:
    """Tell the person at the terminal; standard output stays for what programs read."""
    print(text, file=sys.stderr, flush=True)


class Elapsed:
    """Shows how long a step has taken: one moving line on a terminal, else a line now and then."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._start = time.monotonic()
        self._last_line = self._start
        self._moving = sys.stderr.isatty()

    def seconds(self) -> int:
        return int(time.monotonic() - self._start)

    def tick(self) -> None:
        now = time.monotonic()
        if self._moving:
            sys.stderr.write(f"\r\x1b[K{self._label} … {format_seconds(self.seconds())}")
            sys.stderr.flush()
        elif now - self._last_line >= _LINE_SECONDS:
            self._last_line = now
            say(f"{self._label} … {format_seconds(self.seconds())}")

    def finish(self) -> None:
        if self._moving:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def format_seconds(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"


@contextlib.contextmanager
def showing(label: str) -> Iterator[Elapsed]:
    elapsed = Elapsed(label)
    try:
        yield elapsed
    finally:
        elapsed.finish()


def run(command: Sequence[str], *, label: str, cwd: Path, env: Mapping[str, str]) -> None:
    """Run `command`, showing the time; on failure raise AirgapError with its last lines."""
    # In memory: a command that found the disk full can still say so.
    with os.fdopen(os.memfd_create("output"), "w+b") as output, showing(label) as elapsed:
        process = start(command, cwd=cwd, env=env, output=output)
        try:
            while process.poll() is None:
                elapsed.tick()
                time.sleep(_TICK_SECONDS)
        finally:
            stop(process)
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").splitlines()[-_SHOWN_LINES:]
    if process.returncode:
        detail = "\n".join(f"  {line}" for line in lines)
        raise AirgapError(
            ja=f"{label} に失敗しました（終了コード {process.returncode}）。",
            en=f"`{' '.join(command[:3])}` failed with exit code {process.returncode}:\n{detail}",
        )


def start(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start `command` so that it ends with this process, even when that is killed."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), *command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the command and what it started; nothing happens when it is over."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
