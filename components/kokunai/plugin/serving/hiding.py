"""Secrets in sentences: an API or a program may repeat what it was given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_MASK = "[secret]"
_SHORTEST = 4
"""Shorter texts are in every sentence."""


def masking(values: Iterable[Any]) -> Callable[[str], str]:
    """What masks every text inside these values, also where it is quoted."""
    found = {text for value in values for text in _texts(value) if len(text) >= _SHORTEST}
    quoted = {json.dumps(text, ensure_ascii=False)[1:-1] for text in found}
    longest_first = sorted(found | quoted, key=len, reverse=True)

    def mask(sentence: str) -> str:
        for text in longest_first:
            sentence = sentence.replace(text, _MASK)
        return sentence

    return mask


def named(props: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    """The values of these properties, where there are any."""
    return [props[name] for name in names if name in props]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
