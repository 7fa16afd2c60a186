"""Secrets in sentences: an API or a program may repeat what it was given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_SHORTEST = 4
"""Shorter texts are in every sentence."""


def masking(values: Iterable[Any], mark: str = "[secret]") -> Callable[[str], str]:
    """What puts `mark` for every text inside these values and for each of its lines, quoted or not.

    By lines too, because a message may repeat them with other line ends.
    """
    texts = {text for value in values for text in _texts(value)}
    lines = {line.strip() for text in texts for line in text.splitlines()}
    found = {text for text in texts | lines if len(text) >= _SHORTEST}
    quoted = {json.dumps(text, ensure_ascii=False)[1:-1] for text in found}
    longest_first = sorted(found | quoted, key=len, reverse=True)

    def mask(sentence: str) -> str:
        for text in longest_first:
            sentence = sentence.replace(text, mark)
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
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
