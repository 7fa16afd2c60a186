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


def _visible(character: str) -> str:
    return " " if unicodedata.category(character) in _HIDDEN else character
