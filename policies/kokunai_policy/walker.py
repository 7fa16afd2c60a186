"""Flattens the properties of a resource so that nothing nested, encoded or unknown stays hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

from kokunai.errors import path_text
from kokunai_policy import archives
from kokunai_policy.decoding import (
    LIMIT_BYTES,
    LIMIT_DEPTH,
    LIMIT_REMEMBERED,
    TooMuch,
    decoded,
    remembered,
)
from kokunai_policy.values import Content, content_of, is_marked, is_unknown_text, unwrap

_LIMIT_NESTING = 64
_SCALARS = (bool, int, float)
# Limit for the decoded forms of all values of a resource together.
_LIMIT_DECODED_BYTES = 8 * LIMIT_BYTES
_LIMIT_DECODED_NODES = 50_000


class State(Enum):
    """Whether a value is known; a path without a node is missing."""

    KNOWN = "known"
    NULL = "null"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    """Too large, too deep, or kept elsewhere."""
    MAPPING = "mapping"
    SEQUENCE = "sequence"


OPEN: Final = (State.UNKNOWN, State.UNREADABLE)
"""States of values about which nothing can be said."""
Keys = tuple[str | int, ...]


class Node(NamedTuple):
    """A value at a path; `layers` names the encodings from which it was decoded."""

    keys: Keys
    state: State
    value: Any = None
    secret: bool = False
    layers: tuple[str, ...] = ()
    spoken_count: int | None = None
    """How many keys a message may show; keys that were inside a secret text are secret, too."""

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
        # Plain values are always walked completely; only decoding could go on without end.
        if node.layers:
            self.left_nodes -= 1
            self.left_bytes -= len(node.value) if isinstance(node.value, str) else 0
            if self.left_nodes < 0 or self.left_bytes < 0:
                raise TooMuch
        self.nodes.append(node)


class _Look(NamedTuple):
    """How the values below a path were reached: encodings, and whether inside a secret."""

    secret: bool = False
    layers: tuple[str, ...] = ()
    spoken_count: int | None = None

    def within(self, layer: str, keys: Keys) -> _Look:
        """The same for a decoding of the text at `keys`."""
        is_first = self.secret and not self.layers
        spoken = len(keys) if is_first else self.spoken_count
        return _Look(self.secret, (*self.layers, layer), spoken)


def flatten(props: Any, *, directory: Path | None = None) -> list[Node]:
    """Every value of `props`; never raises, an unreadable value is a node of state UNREADABLE.

    Relative paths of file assets are taken from `directory`.
    """
    walk = _Walk(directory or Path())
    _visit(walk, props, (), _Look())
    return walk.nodes


def _visit(walk: _Walk, value: Any, keys: Keys, look: _Look) -> None:
    if len(keys) > _LIMIT_NESTING:
        if look.layers:
            raise TooMuch
        walk.add(Node(keys, State.UNREADABLE, None, *look))
        return
    # The usual types of properties, most frequent first; others are checked one by one.
    kind = type(value)
    if kind is str:
        _visit_text(walk, value, keys, look)
    elif value is None:
        walk.add(Node(keys, State.NULL, None, *look))
    elif kind in _SCALARS:
        walk.add(Node(keys, State.KNOWN, value, *look))
    elif kind is dict and not is_marked(value):
        walk.add(Node(keys, State.MAPPING, len(value), *look))
        for key, member in value.items():
            _visit(walk, member, (*keys, str(key)), look)
    elif kind is list:
        walk.add(Node(keys, State.SEQUENCE, len(value), *look))
        for index, member in enumerate(value):
            _visit(walk, member, (*keys, index), look)
    else:
        _visit_other(walk, value, keys, look)


def _visit_other(walk: _Walk, value: Any, keys: Keys, look: _Look) -> None:
    if isinstance(value, str):
        # Converted to plain str, because the YAML library refuses subclasses.
        _visit_text(walk, str(value), keys, look)
    elif isinstance(value, _SCALARS):
        walk.add(Node(keys, State.KNOWN, value, *look))
    elif isinstance(value, (bytes, bytearray)):
        _visit_text(walk, bytes(value).decode("utf-8", "replace"), keys, look)
    elif (content := content_of(value)) is not None:
        _visit_content(walk, *content, keys, look)
    elif isinstance(value, Mapping):
        _visit_mapping(walk, value, keys, look)
    elif isinstance(value, Sequence):
        _visit_sequence(walk, value, keys, look)
    else:  # an output, a coroutine, anything that has no value yet
        walk.add(Node(keys, State.UNKNOWN, None, *look))


def _visit_mapping(walk: _Walk, value: Mapping[Any, Any], keys: Keys, look: _Look) -> None:
    inner, is_secret = unwrap(value)
    if is_secret:
        _visit(walk, inner, keys, look._replace(secret=True))
        return
    walk.add(Node(keys, State.MAPPING, len(value), *look))
    for key in list(value):
        _visit_member(walk, value, key, (*keys, str(key)), look)


def _visit_sequence(walk: _Walk, value: Sequence[Any], keys: Keys, look: _Look) -> None:
    walk.add(Node(keys, State.SEQUENCE, len(value), *look))
    # By index, because Pulumi's proxies show the marks of unknowns in slices and iterations.
    for index in range(len(value)):
        _visit_member(walk, value, index, (*keys, index), look)


def _visit_member(walk: _Walk, holder: Any, key: Any, keys: Keys, look: _Look) -> None:
    try:
        member = holder[key]
    except Exception:  # noqa: BLE001 - the proxy raises its own class on an unknown member
        walk.add(Node(keys, State.UNKNOWN, None, *look))
        return
    _visit(walk, member, keys, look)


def _visit_text(walk: _Walk, text: str, keys: Keys, look: _Look) -> None:
    if is_unknown_text(text):
        walk.add(Node(keys, State.UNKNOWN, None, *look))
        return
    walk.add(Node(keys, State.KNOWN, text, *look))
    if look.layers:
        _visit_readings(walk, text, keys, look)
        return
    try:
        _visit_readings(walk, text, keys, look)
    except (
        TooMuch,
        RecursionError,
    ):  # reported once for the value, whichever of its decoded forms it was
        walk.add(Node(keys, State.UNREADABLE, None, *look))


def _visit_readings(walk: _Walk, text: str, keys: Keys, look: _Look) -> None:
    # Secrets are not cached, so that they are not kept longer than their resource.
    is_short = len(text) <= LIMIT_REMEMBERED and not look.secret
    readings = remembered(text) if is_short else None
    for layer, reading in decoded(text) if readings is None else readings:
        if len(look.layers) >= LIMIT_DEPTH:
            raise TooMuch
        _visit(walk, reading, keys, look.within(layer, keys))


def _visit_content(walk: _Walk, kind: Content, body: Any, keys: Keys, look: _Look) -> None:
    if kind is Content.PARTS:
        _visit(walk, dict(body) if isinstance(body, Mapping) else body, keys, look)
    elif kind is Content.TEXT:
        _visit(walk, body, keys, look)
    elif kind is Content.FILE and isinstance(body, str) and not is_unknown_text(body):
        _visit_files(walk, walk.directory / body, keys, look)
    else:  # content that is fetched from elsewhere cannot be judged
        state = State.UNKNOWN if not isinstance(body, str) else State.UNREADABLE
        walk.add(Node(keys, state, None, *look))


def _visit_files(walk: _Walk, path: Path, keys: Keys, look: _Look) -> None:
    try:
        for name, text in archives.texts(path, LIMIT_BYTES):
            _visit(walk, text, (*keys, name), look)
    except archives.Unreadable:
        walk.add(Node(keys, State.UNREADABLE, None, *look))
