"""Removes secrets from messages, because an API or a program may repeat what it was given."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_SHORTEST = 4
"""A shorter secret would be found inside ordinary words and make every message unreadable."""


def masking(values: Iterable[Any], mark: str = "[secret]") -> Callable[[str], str]:
    """A function that replaces every text inside these values by `mark`, also in quoted form.

    Each line of a text is replaced, too, because a message may use other line ends.
    """
    texts = {text for value in values for text in _texts(value)}
    lines = {line.strip() for text in texts for line in text.splitlines()}
    secrets = {text for text in texts | lines if len(text) >= _SHORTEST}
    quoted = {json.dumps(text, ensure_ascii=False)[1:-1] for text in secrets}
    longest_first = sorted(secrets | quoted, key=len, reverse=True)

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
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
