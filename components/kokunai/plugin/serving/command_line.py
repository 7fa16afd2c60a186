"""Reads the engine's own command line for what it does not tell a provider.

For `pulumi up --replace URN` and its preview the engine asks for no diff and names no old inputs,
so that the create of the replacement looks like the first one. And the deletions of a program that
declares nothing any more look like those of `pulumi destroy`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai import engine_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROCESSES = Path("/proc")
_MOST_ANCESTORS = 8
_OPTIONS = ("--replace", "--target-replace")


def replaces(urn: str) -> bool:
    """Whether the engine was asked to replace this resource; never where no /proc tells."""
    return any(re.fullmatch(pattern, urn) for pattern in _asked_for())


def is_destroy() -> bool | None:
    """Whether the engine runs `pulumi destroy`; None where that is not known."""
    return destroys(_engine())


def destroys(arguments: Sequence[str]) -> bool | None:
    """Whether these arguments of `pulumi` mean a destroy; None where no command is known."""
    verb = engine_words.verb(arguments)
    known = engine_words.DESTROYS | engine_words.PREVIEWS | engine_words.OTHERS
    return verb in engine_words.DESTROYS if verb in known else None


@functools.cache
def _asked_for() -> tuple[str, ...]:
    return expressions(_engine())


@functools.cache
def _engine() -> tuple[str, ...]:
    """The arguments of the nearest `pulumi` above this process; empty where there is none."""
    above = _above(os.getppid())
    return next((tuple(words) for words in above if Path(words[0]).name == "pulumi"), ())


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
