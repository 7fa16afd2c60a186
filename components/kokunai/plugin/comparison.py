"""Compares two sets of plain properties leaf by leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.errors import path_step
from kokunai.plugin.kind import Change, ChangeKind, Props

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTHING = object()


def differences(old: Props, new: Props) -> list[Change]:
    """One change for each leaf that was added, removed or altered; an unknown always differs."""
    return list(_differ("", old, new))


def _differ(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _differ(_join(path, key), old.get(key, _NOTHING), new.get(key, _NOTHING))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from _differ(f"{path}[{index}]", _item(old, index), _item(new, index))
    elif old != new:
        yield Change(path, _kind(old, new))


def _kind(old: Any, new: Any) -> ChangeKind:
    if old is _NOTHING:
        return ChangeKind.ADD
    return ChangeKind.DELETE if new is _NOTHING else ChangeKind.UPDATE


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _NOTHING


def _join(path: str, key: str) -> str:
    """The path of a key in Pulumi's notation, in brackets where it is not an identifier.

    For a key that the engine could not read back from a path, the path of what holds it.
    """
    if path and ('"' in key or "\\" in key):
        return path
    return (path + path_step(key)).removeprefix(".")
