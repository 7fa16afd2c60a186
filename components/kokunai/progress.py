"""Shows the running step and its duration on the terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from kokunai.language import chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_SECONDS = 30.0


def say(text: str) -> None:
    """Print to standard error: standard output stays for what programs read."""
    print(chosen(text), file=sys.stderr, flush=True)


class Elapsed:
    """Shows how long a step has taken: an updated line on a terminal, else a line now and then."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._start = time.monotonic()
        self._last_line = self._start
        self._moves = sys.stderr.isatty()

    def tick(self) -> None:
        """Show the time; call it several times a second."""
        now = time.monotonic()
        if self._moves:
            sys.stderr.write(f"\r\x1b[K{self._line(now)}")
            sys.stderr.flush()
        elif now - self._last_line >= _LINE_SECONDS:
            self._last_line = now
            say(self._line(now))

    def finish(self) -> None:
        """Remove the moving line."""
        if self._moves:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _line(self, now: float) -> str:
        return f"{self._label} … {format_seconds(int(now - self._start))}"


def format_seconds(seconds: int) -> str:
    """Minutes and seconds, for example `2:46`."""
    return f"{seconds // 60}:{seconds % 60:02d}"


@contextlib.contextmanager
def showing(label: str) -> Iterator[Elapsed]:
    """Show a step while the block runs; the caller calls `tick` several times a second."""
    elapsed = Elapsed(label)
    try:
        yield elapsed
    finally:
        elapsed.finish()
