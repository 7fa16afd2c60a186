"""Reads bodies and query strings as the API's documentation says, and refuses other words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.lab.sakura_phy.problems import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.datastructures import QueryParams

_DEFAULT_LIMIT = 10
_QUERY_WORDS = {
    "product_category": {
        "server",
        "dedicated_subnet",
        "private_network",
        "firewall",
        "load_balancer",
    },
    "power_status": {"on", "off"},
    "ordering": {
        f"{sign}{name}"
        for sign in ("", "-")
        for name in ("activated", "nickname", "power_status_stored")
    },
}


def required(body: dict[str, Any], *names: str) -> None:
    """Refuse a body in which one of these is missing."""
    for name in names:
        if name not in body:
            invalid(name, "required", "この項目は必須です")


def word(body: dict[str, Any], name: str, allowed: Iterable[str | None]) -> Any:
    """One of these words, or null where that is among them."""
    required(body, name)
    value = body[name]
    if value not in tuple(allowed):
        invalid(name, "invalid_choice", f"{value!r} は有効な選択肢ではありません")
    return value


def text(body: dict[str, Any], name: str, most: int) -> str:
    """A text of at most so many characters."""
    required(body, name)
    value = body[name]
    if not isinstance(value, str):
        invalid(name, "invalid", "文字列ではありません")
    if len(value) > most:
        invalid(name, "max_length", f"{most} 文字以下にしてください")
    return str(value)


def flag(body: dict[str, Any], name: str) -> bool:
    """True or false."""
    required(body, name)
    if not isinstance(body[name], bool):
        invalid(name, "invalid", "真偽値ではありません")
    return bool(body[name])


def texts(body: dict[str, Any], name: str, most: int) -> list[str]:
    """A list of texts."""
    required(body, name)
    value = body[name]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        invalid(name, "invalid", "文字列の配列ではありません")
    if len(value) > most:
        invalid(name, "max_length", f"{most} 個以下にしてください")
    return list(value)


def page(query: QueryParams, rows: list[Any]) -> tuple[int, list[Any]]:
    """How many rows there are, and those of the page that the query asks for."""
    for name, allowed in _QUERY_WORDS.items():
        if name in query and query[name] not in allowed:
            invalid(name, "invalid_choice", f"{query[name]!r} は有効な選択肢ではありません")
    limit, offset = _number(query, "limit", _DEFAULT_LIMIT), _number(query, "offset", 0)
    return len(rows), rows[offset : offset + limit]


def _number(query: QueryParams, name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not value.isdigit():
        invalid(name, "invalid", "整数ではありません")
    return int(value)
