"""Reads and writes the mark at the end of a description: digest, owner, site and labels.

By digest and owner a create finds its own earlier result; site and labels are read at an import.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from kokunai.drivers.sakura_limits import LONGEST_DESCRIPTION

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = re.compile(r"\s?\[(kokunai-[0-9a-f]{16})(?:-([0-9a-f]{16}))?((?: [^\s=\]]*=[^\s\]]*)*)\]$")
_LONGEST_DIGEST = f"kokunai-{'0' * 16}-{'0' * 16}"


@dataclass(frozen=True)
class MarkedDescription:
    """A description without its mark; `digest` is empty for what this plugin did not create."""

    text: str
    digest: str = ""
    owner: str = ""
    """Empty for what a version without owners made."""
    site: str = ""
    labels: dict[str, str] = field(default_factory=dict)


def write(text: str, digest: str, props: Mapping[str, Any]) -> str:
    """The description with its mark, `[kokunai-DIGEST-OWNER site=... data-class=...]`.

    `digest` has the owner behind it where there is one.
    """
    words = [digest, f"site={_word(props['site'])}"]
    words += [f"{_word(key)}={_word(value)}" for key, value in sorted(props["labels"].items())]
    return f"{text} [{' '.join(words)}]".lstrip()


def excess(text: str, props: Mapping[str, Any]) -> int:
    """Number of characters by which the description with its mark exceeds the API's limit."""
    return len(write(text, _LONGEST_DIGEST, props)) - LONGEST_DESCRIPTION


def read(description: str) -> MarkedDescription:
    """Split a description of the API into its text and its mark."""
    match = _MARK.search(description)
    if match is None:
        return MarkedDescription(description)
    pairs = [word.partition("=") for word in match[3].split()]
    words = [(unquote(key), unquote(value)) for key, _, value in pairs]
    site = words.pop(0)[1] if words and words[0][0] == "site" else ""
    text, owner = description[: match.start()], match[2] or ""
    return MarkedDescription(text, match[1], owner, site, dict(words))


def governed(described: MarkedDescription) -> dict[str, Any]:
    """Site and labels of the mark as inputs; empty where it has none."""
    return {"site": described.site, "labels": described.labels} if described.site else {}


def _word(text: Any) -> str:
    return quote(str(text), safe="-_.:@/")
