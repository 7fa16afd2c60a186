"""Reads an API's JSON strictly, because lenient reading takes a damaged answer for a true one."""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 32
"""Levels of an answer; the deepest that a seller's API sends has eight."""
_LONGEST_NUMBER = 18
"""Digits of an integer: every id and size fits, and so does every database."""


class Unreadable(ValueError):
    """What is wrong with the text, in both languages; nothing of the text itself."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


def read_object(content: bytes) -> dict[str, Any]:
    """The JSON object in `content`. Raises Unreadable.

    Refused beside broken JSON: other encodings than UTF-8, a key that is there twice, numbers that
    are not finite or too long, and nesting deeper than `DEEPEST`.
    """
    if not content.strip():
        raise Unreadable("本文が空です", "the answer is empty")
    try:
        data = json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_short,
        )
    except Unreadable:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Unreadable("JSON ではありません", "the answer is not JSON") from None
    if not isinstance(data, dict):
        raise Unreadable("JSON のオブジェクトではありません", "the answer is no JSON object")
    if _is_deeper(data, DEEPEST):
        raise _too_deep()
    return data


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Unreadable("同じキーが 2 度あります", "a key is there twice")
    return made


def _no_number(_: str) -> NoReturn:
    raise Unreadable("数でない値（NaN など）があります", "it has NaN or an infinite number")


def _finite(text: str) -> float:
    value = float(text)
    return value if abs(value) < float("inf") else _no_number(text)


def _short(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_NUMBER:
        raise Unreadable("桁の多すぎる整数があります", "it has an integer of too many digits")
    return int(text)


def _too_deep() -> Unreadable:
    return Unreadable("入れ子が深すぎます", "it is nested too deeply")


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    members = value.values() if isinstance(value, dict) else value
    return not levels or any(_is_deeper(member, levels - 1) for member in members)
