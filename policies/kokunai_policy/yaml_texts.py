"""Reads untrusted YAML: without tags, and with bounded depth and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_DEPTH: Final = 64
LIMIT_EVENTS: Final = 50_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooLarge(Exception):
    """The text is nested deeper or is longer than what is read."""


class _Builder:
    """Builds documents from the parser's events.

    The library's own composer is recursive and crashes the process on a text with thousands of
    levels; its events can be read without recursion.
    """

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self._open: list[tuple[Any, list[Any]]] = []
        self._anchors: dict[str, Any] = {}

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._place(event.value, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._place(self._anchors.get(event.anchor or ""), None)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()

    def _start(self, holder: Any, anchor: str | None) -> None:
        if len(self._open) >= LIMIT_DEPTH:
            raise TooLarge
        if anchor:
            self._anchors[anchor] = holder
        self._open.append((holder, []))

    def _end(self) -> None:
        holder, parts = self._open.pop()
        if isinstance(holder, dict):
            # A key that is not a scalar is read like a value.
            for key, value in zip(parts[::2], parts[1::2], strict=True):
                simple = isinstance(key, str)
                holder[key if simple else f"?{len(holder)}"] = value if simple else [key, value]
        else:
            holder.extend(parts)
        self._place(holder, None)

    def _place(self, value: Any, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = value
        if self._open:
            self._open[-1][1].append(value)
        else:
            self.documents.append(value)


def documents(text: str) -> Iterator[Any]:
    """The mappings and sequences of a YAML text, every scalar a string. Raises TooLarge."""
    builder = _Builder()
    try:
        for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
            if count > LIMIT_EVENTS:
                raise TooLarge
            builder.take(event)
    except (yaml.YAMLError, ValueError) as error:
        # Newer versions of the library refuse deep nesting before the first event.
        if "nesting depth" in str(error):
            raise TooLarge from None
        return
    yield from (document for document in builder.documents if isinstance(document, (dict, list)))
