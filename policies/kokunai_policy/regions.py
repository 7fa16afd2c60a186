"""Decides whether a region, zone or location name lies in Japan."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import TYPE_CHECKING

from kokunai.catalog import facts

if TYPE_CHECKING:
    from collections.abc import Iterable


def plain(text: str) -> str:
    """The text in lower case and half width, without surrounding space."""
    return unicodedata.normalize("NFKC", text).strip().lower()


@functools.cache
def _names_in_japan(cloud: str) -> re.Pattern[str]:
    table = facts.clouds()[cloud]
    names = "|".join(sorted(map(re.escape, table.domestic), key=len, reverse=True))
    suffix = f"(?:{table.zone_suffix})?" if table.zone_suffix else ""
    return re.compile(f"(?:{names}){suffix}")


def is_domestic(name: str, cloud: str | None) -> bool:
    """Whether the cloud's table has this name as a place in Japan; any cloud's if it is None."""
    # In projects/p/zones/z the place comes last; Azure's display names have spaces.
    place = plain(name).replace(" ", "").rpartition("/")[2]
    return any(_names_in_japan(table).fullmatch(place) for table in _tables(cloud))


def _tables(cloud: str | None) -> Iterable[str]:
    return (cloud,) if cloud else facts.clouds()


@functools.cache
def _foreign() -> re.Pattern[str]:
    shapes = [shape for cloud in facts.clouds().values() for shape in cloud.shapes]
    names = sorted(name for cloud in facts.clouds().values() for name in cloud.names)
    whole = "|".join((*shapes, f"(?:{'|'.join(names)})(?![a-z])"))
    return re.compile(rf"(?<![a-z0-9])(?:{whole})(?!\d)")


@functools.cache
def _all_domestic() -> frozenset[str]:
    return frozenset().union(*(cloud.domestic for cloud in facts.clouds().values()))


# Every foreign name contains one of these; most texts contain none, which saves the search.
_HINT = re.compile(r"\d|central|east|west|north|south|usgov")


def foreign_in(text: str) -> tuple[str, ...]:
    """Names of foreign regions in a text, each once, in order of appearance."""
    simple = plain(text)
    if not _HINT.search(simple):
        return ()
    names = (match.group() for match in _foreign().finditer(simple))
    return tuple(dict.fromkeys(name for name in names if name not in _all_domestic()))


@functools.lru_cache(maxsize=8192)
def foreign_in_short(text: str) -> tuple[str, ...]:
    """`foreign_in` with a cache, for short texts that many resources share; not for secrets."""
    return foreign_in(text)
