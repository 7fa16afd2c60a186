"""Damages an answer of an API in one place, in every way that proxies, bugs and attackers know."""

from __future__ import annotations

import copy
import functools
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

HTML = b"<html><head><title>Sign in</title></head><body>Please wait</body></html>"
WRONG = (
    None,
    True,
    -1,
    10**17,
    1.5,
    "",
    "\x1b[2J\x07\u202e",
    "\ud800",
    "x" * 5000,
    [],
    [None],
    {},
    {"ID": None},
)
"""Values of which each is wrong at most places."""


@dataclass(frozen=True)
class Mutation:
    """What happens to one answer; with `is_delivered` false the API never got the call."""

    name: str
    answer: Callable[[httpx.Response, Random], httpx.Response]
    is_delivered: bool = True


def _raw(content: bytes, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, content=content, headers=headers)


def _constant(content: bytes, status: int, **headers: str) -> Any:
    return lambda _response, _random: _raw(content, status, **headers)


def _text(data: Any) -> bytes:
    return json.dumps(data).encode()


def _changed(change: Callable[[Any, Random], None]) -> Any:
    def answer(response: httpx.Response, random: Random) -> httpx.Response:
        data = copy.deepcopy(response.json())
        change(data, random)
        return _raw(_text(data), response.status_code)

    return answer


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container and key in an answer."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in list(pairs):
        yield value, key
        if isinstance(member, dict | list):
            yield from places(member)


def _drop(data: Any, random: Random) -> None:
    container, key = random.choice([*places(data)])
    del container[key]


def _spoil(data: Any, random: Random) -> None:
    container, key = random.choice([*places(data)])
    container[key] = random.choice(WRONG)


def _empty(data: Any, random: Random) -> None:
    found = [place for place in places(data) if isinstance(place[0][place[1]], dict | list)]
    if found:
        container, key = random.choice(found)
        container[key] = type(container[key])()


def _body(data: dict[str, Any]) -> str:
    """The key under which the answer has its item or items."""
    words = {"From", "Count", "Total", "Success", "is_ok"}
    return next((key for key in data if key not in words), "")


def _drop_body(data: Any, _: Random) -> None:
    data.pop(_body(data), None)


def _other_id(data: Any, _: Random) -> None:
    item = data.get(_body(data))
    if isinstance(item, dict):
        item["ID"] = "113999999999"


def _list_instead(data: Any, _: Random) -> None:
    key = _body(data)
    value = data.get(key)
    data[key or "Server"] = [*value[:1], 7] if isinstance(value, list) else [value]


def _twice(data: Any, _: Random) -> None:
    value = data.get(_body(data))
    if isinstance(value, list) and value:
        value.append(value[0])
        data["Count"] = data["Total"] = len(value)


def _counted(name: str, more: int) -> Callable[[Any, Random], None]:
    def change(data: Any, _: Random) -> None:
        data[name] = data.get(name, 0) + more

    return change


def _put(name: str, value: Any) -> Callable[[Any, Random], None]:
    def change(data: Any, _: Random) -> None:
        data[name] = value

    return change


def _success_dropped(data: Any, _: Random) -> None:
    data.pop("Success", None)


def _cut(response: httpx.Response, random: Random) -> httpx.Response:
    content = response.content
    return _raw(content[: random.randrange(len(content))], response.status_code)


def _key_twice(response: httpx.Response, _: Random) -> httpx.Response:
    return _raw(b'{"Success": false, ' + response.content.lstrip()[1:], response.status_code)


def _bomb(_response: httpx.Response, _random: Random) -> httpx.Response:
    return _Streamed(_packed_spaces(), "gzip")


@functools.cache
def _packed_spaces() -> bytes:
    return gzip.compress(b" " * (20 * 1024 * 1024))


class _Streamed(httpx.Response):
    """A packed answer that the library has not unpacked yet, as it comes from a network."""

    def __init__(self, content: bytes, encoding: str) -> None:
        async def chunks() -> Any:
            yield content

        super().__init__(200, content=chunks(), headers={"Content-Encoding": encoding})


def _refusal(code: Any, message: Any = "why") -> bytes:
    return _text({"is_fatal": True, "error_code": code, "error_msg": message})


LOST = [
    Mutation("an html page with 200", _constant(HTML, 200), is_delivered=False),
    Mutation("an html page with 404", _constant(HTML, 404), is_delivered=False),
    Mutation("an html page with 502", _constant(HTML, 502), is_delivered=False),
    Mutation("an html page with 400", _constant(HTML, 400), is_delivered=False),
    Mutation("an html page with 409", _constant(HTML, 409), is_delivered=False),
    Mutation("a redirection", _constant(b"", 302, Location="/login"), is_delivered=False),
    Mutation("404 with an empty object", _constant(b"{}", 404), is_delivered=False),
    Mutation("404 of a wrong path", _constant(_refusal("resource_path_not_found"), 404), False),
    Mutation("404 with a code that is a number", _constant(_refusal(404), 404), False),
    Mutation("an empty body", _constant(b"", 200), is_delivered=False),
    Mutation("204", _constant(b"", 204), is_delivered=False),
    Mutation("an empty object", _constant(b"{}", 200), is_delivered=False),
    Mutation("only is_ok", _constant(b'{"is_ok": true}', 200), is_delivered=False),
    Mutation("a list", _constant(b"[]", 200), is_delivered=False),
    Mutation(
        "an error with escapes",
        _constant(_refusal("bad_request", "\x1b]0;x\x07\x1b[2J\u202egone" * 500), 400),
        is_delivered=False,
    ),
    Mutation("an error of a wrong type", _constant(_refusal(["x"], {"a": 1}), 400), False),
    Mutation(
        "a pause for ever",
        _constant(_refusal("too_many_request"), 429, **{"Retry-After": "999999999"}),
        is_delivered=False,
    ),
    Mutation(
        "a pause that is no number",
        _constant(_refusal("service_unavailable"), 503, **{"Retry-After": "nan"}),
        is_delivered=False,
    ),
]
"""Answers of something between here and the API."""

DAMAGED = [
    Mutation("a key is missing", _changed(_drop)),
    Mutation("a value is wrong", _changed(_spoil)),
    Mutation("a part is empty", _changed(_empty)),
    Mutation("the item is missing", _changed(_drop_body)),
    Mutation("another id", _changed(_other_id)),
    Mutation("a list instead of the item", _changed(_list_instead)),
    Mutation("an item twice", _changed(_twice)),
    Mutation("Total too large", _changed(_counted("Total", 3))),
    Mutation("Total too small", _changed(_counted("Total", -1))),
    Mutation("Count too large", _changed(_counted("Count", 1))),
    Mutation("From is wrong", _changed(_counted("From", 7))),
    Mutation("Total is a text", _changed(_put("Total", "0"))),
    Mutation("Success is false", _changed(_put("Success", False))),
    Mutation("Success is a list", _changed(_put("Success", []))),
    Mutation("Success is missing", _changed(_success_dropped)),
    Mutation("is_ok is false", _changed(_put("is_ok", False))),
    Mutation("is_ok is a number", _changed(_put("is_ok", 1))),
    Mutation("cut off", _cut),
    Mutation("a key twice", _key_twice),
    Mutation("deep nesting", _constant(b'{"is_ok": ' + b"[" * 100_000, 200)),
    Mutation("nesting", _changed(_put("x", json.loads("[" * 200 + "]" * 200)))),
    Mutation("a huge number", _constant(b'{"Total": ' + b"9" * 5000 + b"}", 200)),
    Mutation("not a number", _constant(b'{"Total": NaN}', 200)),
    Mutation("not UTF-8", _constant(b'{"Name": "\xff\xfe"}', 200)),
    Mutation("too large when unpacked", _bomb),
    Mutation("damaged packing", lambda *_: _Streamed(b"no gzip", "gzip")),
    Mutation("an unknown packing", lambda *_: _Streamed(b"{}", "br")),
]
"""Answers of the API after it did what was asked."""

ALL = [*LOST, *DAMAGED]
