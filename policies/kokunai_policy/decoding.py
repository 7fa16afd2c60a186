"""Decodes strings such as base64, URL-encoded text, JSON and YAML to what they contain."""

from __future__ import annotations

import base64
import binascii
import functools
import gzip
import io
import json
import re
import zlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from kokunai_policy import yaml_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_BYTES: Final = 1 << 20
"""A value larger than this is not decoded and counts as unknown."""
LIMIT_DEPTH: Final = 4
LIMIT_REMEMBERED: Final = 4096
"""Length in characters up to which results are cached, because stacks repeat short texts."""

_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_STRUCTURED = re.compile(r"\s*[\[{\"]|.*?:(?:\s|$)|---", re.DOTALL)
_LIMIT_RUNS = 1024
_GZIP_MAGIC = b"\x1f\x8b"


class TooMuch(Exception):
    """The value is larger or nested deeper than what is decoded."""


def decoded(text: str) -> Iterator[tuple[str, Any]]:
    """Every decoding of `text` with the name of the encoding. Raises TooMuch."""
    if len(text) > LIMIT_BYTES:
        raise TooMuch
    if _PERCENT.search(text):
        yield "url", unquote_to_bytes(text).decode("utf-8", "replace")
    yield from _base64_readings(text)
    yield from _structures(text)


@functools.lru_cache(maxsize=4096)
def remembered(text: str) -> tuple[tuple[str, Any], ...] | None:
    """`decoded` with a cache, for texts that many servers share; None instead of TooMuch."""
    try:
        return tuple(decoded(text))
    except TooMuch:
        return None


def _base64_readings(text: str) -> Iterator[tuple[str, str]]:
    joined = "".join(text.split())
    runs = [joined] if _BASE64_RUN.fullmatch(joined) else _BASE64_RUN.findall(text)
    readable = 0
    for run in runs:
        plain = _plain(run)
        if plain is None:
            continue
        readable += 1
        if readable > _LIMIT_RUNS:
            raise TooMuch
        yield "base64", plain


def _plain(run: str) -> str | None:
    """The text in a run of base64, also if it is gzipped; None where it is not text."""
    bare = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        if raw.startswith(_GZIP_MAGIC):
            raw = _inflate(raw)
        plain = raw.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, OSError, EOFError, zlib.error):
        return None
    return plain if plain and plain.isascii() and _printable(plain) else _wide(plain)


def _wide(plain: str) -> str | None:
    # Random bytes may by chance be valid UTF-8 if they are few; long ones hardly ever are.
    return plain if len(plain) >= 12 and _printable(plain) else None


def _printable(text: str) -> bool:
    return all(sign.isprintable() or sign in "\r\n\t" for sign in text)


def _inflate(raw: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
        plain = stream.read(LIMIT_BYTES + 1)
    if len(plain) > LIMIT_BYTES:
        raise TooMuch
    return plain


def _structures(text: str) -> Iterator[tuple[str, Any]]:
    if not _STRUCTURED.match(text):
        return
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooMuch from None
    except ValueError:
        yield from _yaml_documents(text)
        return
    if value != text and not isinstance(value, (bool, int, float, type(None))):
        yield "json", value


def _yaml_documents(text: str) -> Iterator[tuple[str, Any]]:
    # YAML reads one line without `key: value` as a plain string.
    is_plain = "\n" not in text and ": " not in text
    if is_plain and not text.lstrip().startswith(("[", "{", "-")):
        return
    try:
        yield from (("yaml", document) for document in yaml_texts.documents(text))
    except yaml_texts.TooLarge:
        raise TooMuch from None
