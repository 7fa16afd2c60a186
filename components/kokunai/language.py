"""Chooses the reader's language: `KOKUNAI_LANG` is ja, en or both, which is the default."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Final

VARIABLE: Final = "KOKUNAI_LANG"
CHOICES: Final = ("ja", "en", "both")
_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_JOINT = re.compile(r" / |(?<=\u3002) (?=[A-Z`(])|\n")


def language() -> str:
    """What the environment asks for; a value that is not known counts as both."""
    asked = os.environ.get(VARIABLE, "both").strip().lower()
    return asked if asked in CHOICES else "both"


def worded(ja: str, en: str, between: str = "\n") -> str:
    """The text in the reader's language, or both with the Japanese one first."""
    return {"ja": ja, "en": en}.get(language(), f"{ja}{between}{en}")


def chosen(text: str) -> str:
    """The reader's half of a text that was written as `日本語 / English` or in two sentences.

    A text in one language only is left as it is, and so is one whose halves cannot be told apart.
    """
    asked = language()
    ja, en = halves(text)
    return {"ja": ja, "en": en}.get(asked, text)


def halves(text: str) -> tuple[str, str]:
    """Both halves of such a text; where it has one language only, twice the whole."""
    for joint in _JOINT.finditer(text):
        ja, en = text[: joint.start()], text[joint.end() :]
        if joint[0] == "\n" and text.count("\n") > 1:
            break
        if _JAPANESE.search(ja) and en.strip() and not _JAPANESE.search(en):
            return ja, en
    return text, text


def width(text: str) -> int:
    """Columns the text takes on a terminal: a full-width character two, a combining one none."""
    return sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


# Neither may begin a line, or stand alone at the end of one.
_NOT_FIRST = "、。，．,.!?！？：；:;)）]］」』】〕ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々"
_NOT_LAST = "(（[［「『【〔"
_WIDE = r"\u3000-\u30ff\u3400-\u9fff\uff00-\uffef"
_WORD = re.compile(rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+")


def wrapped(text: str, columns: int) -> list[str]:
    """The text in lines of at most `columns`, cut between words or between Japanese characters.

    A word that is longer than a line stands on one of its own, whole, so that it can be copied.
    """
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and width((lines[-1] + piece).rstrip()) > columns:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    lines[-1] = lines[-1].rstrip()
    return lines


def _pieces(text: str) -> list[str]:
    """What a line may be cut between, with the marks that must stay with a neighbour attached."""
    pieces: list[str] = []
    for piece in _WORD.findall(" ".join(text.split())):
        joined = pieces and not pieces[-1].isspace() and not piece.isspace()
        if joined and (piece[0] in _NOT_FIRST or pieces[-1][-1] in _NOT_LAST):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces
