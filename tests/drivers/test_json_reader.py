"""What is read as an answer, and what is not."""

from __future__ import annotations

import gzip
import zlib

import httpx
import pytest

from kokunai.drivers.body import read_body
from kokunai.drivers.json_reader import DEEPEST, Unreadable, read_object

UNREADABLE = {
    "nothing": b" \n",
    "a page": b"<html></html>",
    "cut off": b'{"ID": "1',
    "a list": b"[]",
    "a text": b'"gone"',
    "a key twice": b'{"ID": "1", "ID": "2"}',
    "a key twice further in": b'{"Server": {"ID": "1", "ID": "2"}}',
    "not a number": b'{"Total": NaN}',
    "an infinite number": b'{"Total": -Infinity}',
    "a number that becomes infinite": b'{"Total": 1e999}',
    "a huge integer": b'{"Total": 1234567890123456789}',
    "an integer that Python refuses": b'{"Total": ' + b"9" * 5000 + b"}",
    "one level too many": b'{"x": ' + b"[" * DEEPEST + b"]" * DEEPEST + b"}",
    "levels without end": b'{"x": ' + b"[" * 200_000,
    "another encoding": '{"Name": "東京"}'.encode("utf-16"),
    "broken UTF-8": b'{"Name": "\xff"}',
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_trusted_is_not_read(content):
    with pytest.raises(Unreadable) as refusal:
        read_object(content)

    assert refusal.value.ja != refusal.value.en


def test_an_ordinary_answer_is_read():
    content = '\ufeff{"Server": {"ID": "1", "SizeMB": 999999999999999999}, "ok": 1.5}'.encode()

    assert read_object(content)["Server"]["SizeMB"] == 999999999999999999


def streamed(*chunks: bytes, encoding: str = "") -> httpx.Response:
    async def stream():
        for chunk in chunks:
            yield chunk

    return httpx.Response(200, content=stream(), headers={"Content-Encoding": encoding})


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("", bytes), ("identity", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)],
)
async def test_a_body_is_unpacked_over_several_chunks(encoding, pack):
    packed = pack(b"answer" * 100)
    parts = [packed[start : start + 7] for start in range(0, len(packed), 7)]

    assert await read_body(streamed(*parts, encoding=encoding)) == b"answer" * 100


async def test_reading_stops_at_the_limit_and_not_after_it():
    taken = []

    async def endless():
        while True:
            taken.append(1)
            yield b"x" * 1000

    with pytest.raises(Unreadable, match="larger"):
        await read_body(httpx.Response(200, content=endless()), most_bytes=10_000)

    assert len(taken) == 11


async def test_a_small_chunk_that_unpacks_to_gigabytes_is_never_unpacked_whole():
    bomb = gzip.compress(b"\0" * 50_000_000)

    with pytest.raises(Unreadable, match="larger"):
        await read_body(streamed(bomb, encoding="gzip"), most_bytes=10_000)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (gzip.compress(b"answer")[:-9], "gzip"),
        (b"no gzip", "gzip"),
        (b"", "gzip"),
        (b"{}", "br"),
        (gzip.compress(gzip.compress(b"{}")), "gzip, gzip"),
    ],
    ids=["cut", "not packed", "empty", "unknown", "twice"],
)
async def test_damaged_and_unknown_packing_is_refused(content, encoding):
    with pytest.raises(Unreadable):
        await read_body(streamed(content, encoding=encoding))
