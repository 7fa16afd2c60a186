"""Recognises from its name whether a property holds a location, an endpoint or a reference."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kokunai_policy.walker import Keys

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LOCATIONS = frozenset({"region", "location", "zone", "datacenter", "datacentre", "az"})
# Words before "zone" that mean no place, as in "DNS zone".
_NO_PLACES = frozenset({"hosted", "dns", "time", "private", "managed", "security", "landing"})
_ENDPOINTS = frozenset(
    {"url", "uri", "endpoint", "host", "hostname", "proxy", "fqdn", "server", "domain"}
)
# Values known only once another resource is made; judged when `up` sends the real value.
_REFERENCES = frozenset(
    {
        "id",
        "arn",
        "address",
        "ip",
        "fingerprint",
        "urn",
        "key",
        "password",
        "token",
        "secret",
        "credential",
    }
)
# Maps with free keys of the user, which say nothing about their values.
_FREE_MAPS = frozenset({"labels", "tags", "annotations"})


@functools.lru_cache(maxsize=4096)
def _words(key: str) -> tuple[str, ...]:
    return tuple(_singular(word.lower()) for word in _WORD.findall(key))


def _singular(word: str) -> str:
    if word.endswith("sses"):
        return word.removesuffix("es")
    return word if word.endswith("ss") or word == "dns" else word.removesuffix("s")


def nearest_name(keys: Keys) -> str:
    """The last name on a path, without list indices."""
    return next((key for key in reversed(keys) if isinstance(key, str)), "")


def is_variable(key: str | int, name: str) -> bool:
    """Whether the key is this variable, also with a role's prefix such as in base_ntp_servers."""
    return key == name or str(key).endswith(f"_{name}")


@functools.lru_cache(maxsize=8192)
def is_location(keys: Keys) -> bool:
    """Whether the value at this path should be a region, zone or location."""
    if any(key in _FREE_MAPS for key in keys[:-1]):
        return False
    words = _words(nearest_name(keys))
    if words and words[-1] in {"name", "code"}:
        words = words[:-1]
    if not words or words[-1] not in _LOCATIONS:
        return False
    return not _NO_PLACES.intersection(words[:-1])


@functools.lru_cache(maxsize=8192)
def is_endpoint(keys: Keys) -> bool:
    """Whether the value at this path should be a host or URL that is called."""
    words = _words(nearest_name(keys))
    return bool(words) and (words[-1] in _ENDPOINTS or "endpoints" in keys)


@functools.lru_cache(maxsize=8192)
def is_reference(keys: Keys) -> bool:
    """Whether the value at this path may be known only once something else was made."""
    words = _words(nearest_name(keys))
    return bool(words) and words[-1] in _REFERENCES
