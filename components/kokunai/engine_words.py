"""Finds the verb in a command line of `pulumi`, as Pulumi itself finds it among its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

DESTROYS = frozenset({"destroy", "down", "dn"})
PREVIEWS = frozenset({"preview", "pre"})
OTHERS = frozenset({"up", "update", "refresh", "import", "watch"})
"""Other verbs that run with providers."""
_ALONE = frozenset(
    {
        *("-e", "--emoji", "-h", "--help", "--version", "-Q", "--fully-qualify-stack-names"),
        *("--disable-integrity-checking", "--logflow", "--logtostderr", "--non-interactive"),
    }
)
"""Options of every command that take no value."""
_BEFORE_A_VALUE = frozenset(
    {
        *("--color", "-C", "--cwd", "--memprofilerate", "--otel-traces", "--profiling"),
        *("--tracing", "--tracing-header", "-v", "--verbose"),
        *("-c", "--config", "--config-file", "-x", "--exclude", "-m", "--message"),
        *("--override-env", "-p", "--parallel", "--policy-pack", "--policy-pack-config"),
        *("--replace", "--secrets-provider", "-s", "--stack", "-t", "--target"),
        *("--target-replace", "--import-file", "--save-plan", "--import-pending-creates"),
    }
)
"""Options that may stand before the verb, and whose value may be a word of its own."""


def verb(command: Sequence[str]) -> str | None:
    """`up` of `pulumi --cwd here up --yes`; None where there is none or an option is not known.

    After an option that is not known the next word may be its value or the verb.
    """
    words = iter(command[1:])
    for word in words:
        if word in _BEFORE_A_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word
        elif word not in _ALONE and not _holds_its_value(word):
            return None
    return None


def _holds_its_value(word: str) -> bool:
    """`--name=value` and `-Cdirectory`, which never take the next word before the verb."""
    return "=" in word or (not word.startswith("--") and len(word) > 2)


def is_preview(command: Sequence[str]) -> bool:
    """Whether a preview is all that these words can be; a value that is a verb leaves a doubt."""
    changing = (DESTROYS | OTHERS).intersection(command[1:])
    return verb(command) in PREVIEWS and not changing
