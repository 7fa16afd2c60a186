"""Refuses values that would not stay one word, or one line, in the file that a template makes."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

if TYPE_CHECKING:
    from collections.abc import Callable

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that end a line, reorder it or cannot be seen."""


def one_line(value: Any) -> str:
    """The value as text. Raises AnsibleFilterError for line breaks and what cannot be seen."""
    text = str(value)
    found = next((mark for mark in text if unicodedata.category(mark) in _INVISIBLE), None)
    if found:
        raise AnsibleFilterError(
            f"改行か見えない文字（U+{ord(found):04X}）のある値は書けません / "
            f"a value with a line break or an invisible character (U+{ord(found):04X})"
        )
    return text


def one_word(value: Any) -> str:
    """The same, also for white space, and for an empty text."""
    text = one_line(value)
    if not text or any(mark.isspace() for mark in text):
        raise AnsibleFilterError(
            f"空白のない 1 語が必要です / one word without space is needed, not {text!r}"
        )
    return text


class FilterModule:
    """What Ansible asks for the names of filters."""

    def filters(self) -> dict[str, Callable[[Any], str]]:
        return {"one_line": one_line, "one_word": one_word}
