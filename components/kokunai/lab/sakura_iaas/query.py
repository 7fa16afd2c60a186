"""Selects the rows of a list by the JSON in the query string: filters, order, pages, fields."""

from __future__ import annotations

import json
import operator
import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kokunai.lab.sakura_iaas.errors import refuse

if TYPE_CHECKING:
    from collections.abc import Callable

_JST = timezone(timedelta(hours=9))
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T")
_KEY = re.compile(r"[A-Za-z0-9_.]+(?:[<>]=?)?")
Row = dict[str, Any]
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def parse(raw: str) -> dict[str, Any]:
    """The JSON after `?`, which clients send with escaped values or escaped as a whole."""
    if not raw:
        return {}
    if raw.startswith("{"):
        try:
            return _object(_unquoted(json.loads(raw)))
        except ValueError:
            pass  # Not JSON as it stands, so the whole text is decoded below.
    try:
        return _object(json.loads(unquote(raw)))
    except (ValueError, RecursionError):
        refuse("invalid_uri_argument")


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        refuse("invalid_uri_argument")
    return value


def _unquoted(value: Any) -> Any:
    if isinstance(value, str):
        return unquote(value)
    if isinstance(value, list):
        return [_unquoted(item) for item in value]
    if isinstance(value, dict):
        return {key: _unquoted(item) for key, item in value.items()}
    return value


def select(rows: list[Row], query: dict[str, Any]) -> tuple[list[Row], int, int]:
    """Rows of the wanted page, the index of the first, and the number of all matching rows."""
    filters = query.get("Filter") or {}
    if not isinstance(filters, dict):
        refuse("invalid_uri_argument", "Filter")
    unknown = next((key for key in filters if not _KEY.fullmatch(key)), None)
    if unknown is not None:
        refuse("filter_unknown_operator", unknown)
    matching = [row for row in rows if all(_matches(row, *item) for item in filters.items())]
    ordered = _sorted(matching, _names(query, "Sort"))
    kept, dropped = _names(query, "Include"), _names(query, "Exclude")
    start, count = _number(query, "From"), _number(query, "Count")
    page = ordered[start : start + count] if count else ordered[start:]
    return [_chosen(row, kept, dropped) for row in page], start, len(matching)


def _number(query: dict[str, Any], name: str) -> int:
    try:
        value = int(query.get(name) or 0)
    except (TypeError, ValueError, OverflowError):
        refuse("invalid_uri_argument", name)
    if value < 0:
        refuse("invalid_range", name)
    return value


def _names(query: dict[str, Any], name: str) -> list[str]:
    """Names of fields: a list, or a single one."""
    given = query.get(name) or []
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        refuse("invalid_uri_argument", name)
    return names


def _values(row: Any, path: list[str]) -> list[Any]:
    """All values at a dotted path, also within lists."""
    if isinstance(row, list):
        return [value for item in row for value in _values(item, path)]
    if not path:
        return [row]
    return _values(row.get(path[0]), path[1:]) if isinstance(row, dict) else []


def _matches(row: Row, key: str, wanted: Any) -> bool:
    for sign, compare in _COMPARISONS.items():
        if key.endswith(sign):
            return any(
                _compares(compare, value, wanted)
                for value in _values(row, key.removesuffix(sign).split("."))
            )
    if key == "Tags.Name":
        return _has_tags(row.get("Tags") or [], wanted)
    values = _values(row, key.split("."))
    if isinstance(wanted, list):
        return any(_plain(value) in map(_plain, wanted) for value in values)
    return any(_resembles(value, wanted) for value in values)


def _has_tags(tags: list[str], wanted: Any) -> bool:
    """Whether the tags match: all tags of an inner list, or the tag of a string."""
    choices = wanted if isinstance(wanted, list) else [wanted]
    return any(
        all(tag in tags for tag in choice) if isinstance(choice, list) else choice in tags
        for choice in choices
    )


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else "" if value is None else str(value)


def _resembles(value: Any, wanted: Any) -> bool:
    """Whether a text contains every word of `wanted`, or any other value equals it."""
    if not isinstance(value, str) or value.isdigit():
        return _plain(value) == _plain(wanted)
    return all(word.lower() in value.lower() for word in _plain(wanted).split())


def _compares(compare: Callable[[Any, Any], bool], value: Any, wanted: Any) -> bool:
    try:
        if isinstance(value, (int, float)):
            return compare(float(value), float(wanted))
        if _TIME.match(str(value)):
            return compare(_moment(str(value)), _moment(str(wanted)))
        return value is not None and compare(str(value), str(wanted))
    except (TypeError, ValueError):
        return False


def _moment(text: str) -> datetime:
    """A time as the API writes it; without an offset it is Japanese time."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=_JST)


def _sorted(rows: list[Row], keys: list[str]) -> list[Row]:
    ordered = list(rows)
    for key in reversed(keys):
        path = key.removeprefix("-").split(".")
        ordered.sort(key=lambda row: _rank(_values(row, path)), reverse=key.startswith("-"))
    return ordered


def _rank(values: list[Any]) -> tuple[int, float, str]:
    value = values[0] if values else None
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (0, 0, "") if value is None else (2, 0, str(value))


def _chosen(row: Row, kept: list[str], dropped: list[str]) -> Any:
    if kept:
        return _only(row, [name.split(".") for name in kept])
    return _without(row, [name.split(".") for name in dropped])


def _only(row: Any, paths: list[list[str]]) -> Any:
    if isinstance(row, list):
        return [_only(item, paths) for item in row]
    if not isinstance(row, dict) or any(not path for path in paths):
        return row
    kept = {}
    for key, value in row.items():
        below = [path[1:] for path in paths if path[0] in (key, "*")]
        if below:
            kept[key] = _only(value, below)
    return kept


def _without(row: Any, paths: list[list[str]]) -> Any:
    if isinstance(row, list):
        return [_without(item, paths) for item in row]
    if not isinstance(row, dict):
        return row
    kept = {}
    for key, value in row.items():
        below = [path[1:] for path in paths if path[0] in (key, "*")]
        if [] not in below:
            kept[key] = _without(value, below) if below else value
    return kept
