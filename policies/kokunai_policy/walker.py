"""Flattens the properties of a resource so that nothing nested, encoded or unknown stays hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

from kokunai.errors import path_text
from kokunai_policy import archives
from kokunai_policy.decoding import LIMIT_BYTES, LIMIT_DEPTH, TooMuch, decoded
from kokunai_policy.values import Content, content_of, is_unknown_text, unwrap

_LIMIT_NESTING = 64
# For all decoded forms of all values of one resource together.
_LIMIT_DECODED_BYTES = 8 * LIMIT_BYTES
_LIMIT_DECODED_NODES = 50_000


class State(Enum):
    """How much is known of a value; a path without a node is missing."""

    KNOWN = "known"
    NULL = "null"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    """Too large, too deep, or kept elsewhere."""
    MAPPING = "mapping"
    SEQUENCE = "sequence"


OPEN: Final = frozenset({State.UNKNOWN, State.UNREADABLE})
"""What a value may still turn out to be cannot be said."""
Keys = tuple[str | int, ...]


class Node(NamedTuple):
    """One value at one path; `layers` names the encodings that were taken off to see it."""

    keys: Keys
    state: State
    value: Any = None
    secret: bool = False
    layers: tuple[str, ...] = ()
    spoken_count: int | None = None
    """How many of the keys a message may show: those found inside a secret text are part of it."""

    @property
    def path(self) -> str:
        """Property path as Pulumi writes it, for example `disks[0].sizeGib`."""
        text = path_text(self.keys[: self.spoken_count])
        return f"{text} ({', '.join(self.layers)})" if self.layers else text

    @property
    def text(self) -> str | None:
        """The value if it is a known string."""
        return self.value if self.state is State.KNOWN and isinstance(self.value, str) else None


@dataclass
class _Walk:
    directory: Path
    nodes: list[Node] = field(default_factory=list)
    left_bytes: int = _LIMIT_DECODED_BYTES
    left_nodes: int = _LIMIT_DECODED_NODES

    def add(self, node: Node) -> None:
        # What is written plainly is always walked to its end; only decoding can grow without one.
        if node.layers:
            self.left_nodes -= 1
            self.left_bytes -= len(node.value) if isinstance(node.value, str) else 0
            if self.left_nodes < 0 or self.left_bytes < 0:
                raise TooMuch
        self.nodes.append(node)


class _Place(NamedTuple):
    keys: Keys = ()
    secret: bool = False
    layers: tuple[str, ...] = ()
    spoken_count: int | None = None

    def down(self, key: str | int) -> _Place:
        return self._replace(keys=(*self.keys, key))

    def within(self, layer: str) -> _Place:
        """The place of a reading of the text that stands here."""
        is_first = self.secret and not self.layers
        spoken = len(self.keys) if is_first else self.spoken_count
        return self._replace(layers=(*self.layers, layer), spoken_count=spoken)

    def node(self, state: State, value: Any = None) -> Node:
        return Node(self.keys, state, value, self.secret, self.layers, self.spoken_count)


def flatten(props: Any, *, directory: Path | None = None) -> list[Node]:
    """Every value of `props`; never raises, what cannot be read is a node that says so.

    Relative paths of file assets are taken from `directory`.
    """
    walk = _Walk(directory or Path())
    _visit(walk, props, _Place())
    return walk.nodes


def _visit(walk: _Walk, value: Any, place: _Place) -> None:
    if len(place.keys) > _LIMIT_NESTING:
        if place.layers:
            raise TooMuch
        walk.add(place.node(State.UNREADABLE))
        return
    _visit_known(walk, value, place)


def _visit_known(walk: _Walk, value: Any, place: _Place) -> None:
    if value is None:
        walk.add(place.node(State.NULL))
    elif isinstance(value, str):
        _visit_text(walk, value, place)
    elif isinstance(value, (bool, int, float)):
        walk.add(place.node(State.KNOWN, value))
    elif isinstance(value, (bytes, bytearray)):
        _visit_text(walk, bytes(value).decode("utf-8", "replace"), place)
    elif (content := content_of(value)) is not None:
        _visit_content(walk, *content, place)
    elif isinstance(value, Mapping):
        _visit_mapping(walk, value, place)
    elif isinstance(value, Sequence):
        _visit_sequence(walk, value, place)
    else:  # an output, a coroutine, anything that has no value yet
        walk.add(place.node(State.UNKNOWN))


def _visit_mapping(walk: _Walk, value: Mapping[Any, Any], place: _Place) -> None:
    inner, is_secret = unwrap(value)
    if is_secret:
        _visit(walk, inner, place._replace(secret=True))
        return
    walk.add(place.node(State.MAPPING, len(value)))
    for key in list(value):
        _visit_member(walk, value, key, place.down(str(key)))


def _visit_sequence(walk: _Walk, value: Sequence[Any], place: _Place) -> None:
    walk.add(place.node(State.SEQUENCE, len(value)))
    # By index, never by slice or iteration: Pulumi's proxies leak the marks of unknowns there.
    for index in range(len(value)):
        _visit_member(walk, value, index, place.down(index))


def _visit_member(walk: _Walk, holder: Any, key: Any, place: _Place) -> None:
    try:
        member = holder[key]
    except Exception:  # noqa: BLE001 - the proxy raises its own class on an unknown member
        walk.add(place.node(State.UNKNOWN))
        return
    _visit(walk, member, place)


def _visit_text(walk: _Walk, text: str, place: _Place) -> None:
    if is_unknown_text(text):
        walk.add(place.node(State.UNKNOWN))
        return
    walk.add(place.node(State.KNOWN, text))
    if place.layers:
        _visit_readings(walk, text, place)
        return
    try:
        _visit_readings(walk, text, place)
    except (TooMuch, RecursionError):  # once for the value, whichever of its forms it was
        walk.add(place.node(State.UNREADABLE))


def _visit_readings(walk: _Walk, text: str, place: _Place) -> None:
    for layer, reading in decoded(text):
        if len(place.layers) >= LIMIT_DEPTH:
            raise TooMuch
        _visit(walk, reading, place.within(layer))


def _visit_content(walk: _Walk, kind: Content, body: Any, place: _Place) -> None:
    if kind is Content.PARTS:
        _visit(walk, dict(body) if isinstance(body, Mapping) else body, place)
    elif kind is Content.TEXT:
        _visit(walk, body, place)
    elif kind is Content.FILE and isinstance(body, str) and not is_unknown_text(body):
        _visit_files(walk, walk.directory / body, place)
    else:  # content that is fetched from elsewhere cannot be judged
        state = State.UNKNOWN if not isinstance(body, str) else State.UNREADABLE
        walk.add(place.node(state))


def _visit_files(walk: _Walk, path: Path, place: _Place) -> None:
    try:
        for name, text in archives.texts(path, LIMIT_BYTES):
            _visit(walk, text, place.down(name))
    except archives.Unreadable:
        walk.add(place.node(State.UNREADABLE))
