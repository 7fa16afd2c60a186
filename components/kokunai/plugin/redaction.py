"""Removes secrets from messages, because an API or a program may repeat what it was given."""

from __future__ import annotations

import base64
import html
import itertools
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from kokunai.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_SHORTEST = 4
"""A shorter secret would be found inside ordinary words and make every message unreadable."""
_SHORTEST_BASE64 = 8
"""The same for a part of a base64 text, which has only letters and digits."""
_CUT = "…"
"""Where a text was cut; a secret may have been cut with it."""


def masking(values: Iterable[Any], mark: str = "[secret]") -> Callable[[str], str]:
    """A function that replaces every text inside these values by `mark`.

    Also each line of a text, because a message may use other line ends, and each of both as JSON,
    in a URL, in HTML and within base64, as in an `Authorization` header.
    """
    texts = {text for value in values for text in _texts(value)}
    lines = {line.strip() for text in texts for line in text.splitlines()}
    secrets = {text for text in texts | lines if len(text) >= _SHORTEST}
    forms = {form for text in secrets for form in _forms(text) if len(form) >= _SHORTEST}
    longest_first = sorted(forms, key=len, reverse=True)

    def mask(sentence: str) -> str:
        for text in longest_first:
            sentence = sentence.replace(text, mark)
        return _without_cut_ones(sentence, longest_first, mark)

    return mask


def pairs(values: Iterable[Any]) -> list[str]:
    """Every two of these texts with a colon between, as a user and password are sent."""
    texts = [text for text in values if isinstance(text, str)]
    return [f"{first}:{second}" for first, second in itertools.permutations(texts, 2)]


def named(props: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    """The values of these properties, where there are any."""
    return [props[name] for name in names if name in props]


def _forms(text: str) -> Iterator[str]:
    """The text as it is, and as an answer or a program may repeat it."""
    yield text
    yield shown(text, len(text))
    for is_ascii in (False, True):
        yield json.dumps(text, ensure_ascii=is_ascii)[1:-1]
    yield html.escape(text)
    raw = text.encode("utf-8", "surrogatepass")
    for escaped in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield escaped
        yield _with_small_digits(escaped)
    yield from _within_base64(raw)


def _with_small_digits(escaped: str) -> str:
    """`%2b` for `%2B`."""
    first, *others = escaped.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in others)])


def _within_base64(raw: bytes) -> Iterator[str]:
    """The base64 of a text, and what of it is always the same when it stands within another text.

    Three bytes become four characters, so a text begins at the first, second or third of them.
    """
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode().rstrip("=")
        for before in range(3):
            whole = encode(bytes(before) + raw).decode().rstrip("=")
            first = -(-before * 8 // 6)
            last = (before + len(raw)) * 8 // 6
            if last - first >= _SHORTEST_BASE64:
                yield whole[first:last]


def _without_cut_ones(sentence: str, secrets: list[str], mark: str) -> str:
    """The sentence without the beginning of a secret before the mark of a cut."""
    pieces = sentence.split(_CUT)
    return _CUT.join([*(_without_end(piece, secrets, mark) for piece in pieces[:-1]), pieces[-1]])


def _without_end(piece: str, secrets: list[str], mark: str) -> str:
    for text in secrets:
        for length in range(len(text) - 1, _SHORTEST - 1, -1):
            if piece.endswith(text[:length]):
                return piece[:-length] + mark
    return piece


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
