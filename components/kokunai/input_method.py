"""Finds characters that an input method leaves in YAML, where a machine reads them otherwise."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTES = {"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'"}
_OTHERS = {**_QUOTES, "、": ",", "。": "."}
_DASHES = "‐‑‒–—―−"
_SPACES = {"\u3000": "全角スペース / a full-width space", "\xa0": "NBSP / a no-break space"}
# A value, an item of a list or a line begins here, or a key has just ended.
_BEGINS = re.compile(r"(?:^|[:,\[{-])[ \t]*$")
_AFTER_KEY = re.compile(r"(?:^|[,{])[ \t]*(?:- +)*[A-Za-z0-9_.:-]+$")
_TOKEN_BEGINS = re.compile(r"(?:^|[:,\[{?-][ \t]*|[ \t])$")
# A path may well hold Japanese text.
_IN_PATH = re.compile(r"(?:private_key_file|ssh_config)[ \t]*:[^,}\]]*$")


@dataclass(frozen=True)
class LookAlike:
    """A character with its place; line and column are counted from 1."""

    character: str
    line: int
    column: int

    @property
    def ja(self) -> str:
        """What stands there and what to write, in Japanese."""
        return f"{self.line} 行 {self.column} 列: {self._name(0)}があります。{self._remedy(0)}"

    @property
    def en(self) -> str:
        """The same in English."""
        return f"line {self.line}, column {self.column}: {self._name(1)}; {self._remedy(1)}"

    @property
    def _plain(self) -> str:
        """The ASCII character that was probably meant, empty for what should not be there."""
        if self.character in _OTHERS:
            return _OTHERS[self.character]
        if self.character in _DASHES:
            return "-"
        if unicodedata.category(self.character) == "Cf":
            return ""
        return unicodedata.normalize("NFKC", self.character)

    def _name(self, language: int) -> str:
        code = f"U+{ord(self.character):04X}"
        if unicodedata.category(self.character) == "Cf":
            return (f"見えない文字（{code}）", f"an invisible character ({code})")[language]
        if unicodedata.category(self.character) == "Zs":
            names = _SPACES.get(self.character, "特殊な空白 / an unusual space").split(" / ")
            return (f"{names[0]}（{code}）", f"{names[1]} ({code})")[language]
        return (f"「{self.character}」（{code}）", f"{self.character} ({code})")[language]

    def _remedy(self, language: int) -> str:
        plain = self._plain
        if not plain:
            return ("取り除いてください", "remove it")[language]
        if plain == " ":
            return ("半角スペースにしてください", "use an ordinary space")[language]
        return (f"半角の {plain} にしてください", f"write {plain} instead")[language]


def is_look_alike(character: str) -> bool:
    """Whether it is one of those that look like, or hide beside, what YAML is written with."""
    if character.isascii():
        return False
    is_full_width = "\uff01" <= character <= "\uff5e"
    listed = character in _OTHERS or character in _DASHES
    return is_full_width or listed or unicodedata.category(character) in {"Zs", "Cf"}


def within(text: str, start: int, end: int) -> list[LookAlike]:
    """Those between two positions that stand neither in comments, in quotes nor in a path."""
    return [
        found
        for position, found, before in _plain_ones(text)
        if start <= position < end and not _is_in_path(found, before)
    ]


def _is_in_path(found: LookAlike, before: str) -> bool:
    """Whether it may belong into the path of a key: not first, and not invisible."""
    is_visible = unicodedata.category(found.character) != "Cf"
    return is_visible and bool(_IN_PATH.search(before)) and not _BEGINS.search(before)


def before_line(text: str, line: int | None) -> LookAlike | None:
    """The last one up to this line that stands where YAML expects one of its own marks.

    Without a line, the first one in the whole text.
    """
    found = None
    for _, look_alike, before in _plain_ones(text):
        is_colon_of_key = look_alike.character == "：" and _AFTER_KEY.search(before)
        if not is_colon_of_key and not _BEGINS.search(before):
            continue
        if line is None:
            return look_alike
        if look_alike.line <= line:
            found = look_alike
    return found or _closing_quote(text)


def _plain_ones(text: str) -> Iterator[tuple[int, LookAlike, str]]:
    """Each outside comments and quotes: its position, itself, and its line up to it."""
    for position, character, line, before in _plain_characters(text):
        if is_look_alike(character) and not (character == "\ufeff" and position == 0):
            yield position, LookAlike(character, line, len(before) + 1), before


def _plain_characters(text: str) -> Iterator[tuple[int, str, int, str]]:
    """Position, character, line and the line up to it, outside comments and quotes."""
    position, quote = 0, ""
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        at = 0
        while at < len(line):
            character, before = line[at], line[:at]
            if quote:
                at, quote = _after_quoted(line, at, quote)
                continue
            if character == "#" and (not before or before[-1] in " \t"):
                break
            if character in "\"'" and _TOKEN_BEGINS.search(before):
                quote = character
            else:
                yield position + at, character, number, before
            at += 1
        position += len(line)


def _after_quoted(line: str, at: int, quote: str) -> tuple[int, str]:
    """The place after one character of a quoted text, and the quote that is open there."""
    is_escape = quote == '"' and line[at] == "\\"
    is_doubled = quote == "'" and line[at : at + 2] == "''"
    if is_escape or is_doubled:
        return at + 2, quote
    return at + 1, "" if line[at] == quote else quote


def _closing_quote(text: str) -> LookAlike | None:
    """A curly quote behind a text that an ordinary quote opened and nothing closed."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.search(r"[:,\[{-][ \t]*[\"'][^\"']*([“”‘’＂＇])", line):
            return LookAlike(found[1], number, found.start(1) + 1)
    return None
