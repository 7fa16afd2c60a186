"""Cleans text from outside (API answers, hosts, files) before a person or a log is shown it."""

from __future__ import annotations

import unicodedata

LONGEST = 300
"""Characters of foreign text in one message; the rest is cut and the cut is marked."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that move the cursor, reorder or hide text, or stand for nothing."""


def shown(text: object, longest: int = LONGEST) -> str:
    """One printable line of at most `longest` characters.

    Control, format (bidirectional and zero-width ones too) and unassigned characters and line
    ends become a space each; runs of white space become one space.
    """
    raw = str(text)[: longest * 4]
    line = " ".join("".join(map(_visible, raw)).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


MOST_LINES = 400
LONGEST_LINE = 4000


def shown_lines(text: str) -> str:
    """A message of several lines without what could steer a terminal; its line ends stay.

    It is for messages of our own, which may have foreign text within a line; a line that is too
    long and the lines in the middle of a message that is too long are left out, with a mark.
    """
    lines = [_shown_line(line) for line in text.split("\n")]
    if len(lines) > MOST_LINES:
        half = MOST_LINES // 2
        lines = [*lines[:half], f"… ({len(lines) - 2 * half})", *lines[-half:]]
    return "\n".join(lines)


def _shown_line(line: str) -> str:
    """The line with a space for each hidden character; spaces stay, for they may be a margin."""
    plain = line[:LONGEST_LINE].rstrip("\r").expandtabs(4)
    seen = plain if plain.isascii() and plain.isprintable() else "".join(map(_visible, plain))
    return seen if len(line) <= LONGEST_LINE else f"{seen}…"


def _visible(character: str) -> str:
    return " " if unicodedata.category(character) in _HIDDEN else character
