"""Reads from the engine's own command line what it was asked to replace: a provider is not told.

For `pulumi up --replace URN` and its preview the engine asks for no diff and names no old inputs,
so that the create of the replacement looks like the first one.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROCESSES = Path("/proc")
_MOST_ANCESTORS = 8
_OPTIONS = ("--replace", "--target-replace")


def replaces(urn: str) -> bool:
    """Whether the engine was asked to replace this resource; never where no /proc tells."""
    return any(re.fullmatch(pattern, urn) for pattern in _asked_for())


@functools.cache
def _asked_for() -> tuple[str, ...]:
    """Expressions for the URNs, from the process above ours that names some."""
    return next(filter(None, map(expressions, _above(os.getppid()))), ())


def expressions(arguments: Sequence[str]) -> tuple[str, ...]:
    """Regular expressions for the URNs that follow the options; `*` and `**` as Pulumi has them."""
    named = [value for name in _OPTIONS for value in _values(arguments, name)]
    return tuple(_expression(text) for text in named if text.startswith(("urn:pulumi:", "*")))


def _values(arguments: Sequence[str], name: str) -> Iterator[str]:
    for index, argument in enumerate(arguments):
        if argument == name:
            yield from arguments[index + 1 : index + 2]
        elif argument.startswith(f"{name}="):
            yield argument.partition("=")[2]


def _expression(urn: str) -> str:
    parts = [part.split("*") for part in urn.split("**")]
    return ".*".join("[^:]*".join(map(re.escape, part)) for part in parts)


def _above(process: int) -> Iterator[list[str]]:
    """The arguments of a process and of those above it, the nearest first."""
    for _ in range(_MOST_ANCESTORS):
        folder = _PROCESSES / str(process)
        text, status = "", ""
        with contextlib.suppress(OSError):
            text = (folder / "cmdline").read_text("utf-8", "replace")
            status = (folder / "status").read_text("utf-8", "replace")
        yield text.split("\0")
        found = re.search(r"^PPid:\s*([1-9]\d*)$", status, re.MULTILINE)
        if found is None:
            return
        process = int(found[1])
