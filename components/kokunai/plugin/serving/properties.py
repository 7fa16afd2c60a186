"""Translates properties between protobuf structs and plain values, without losing secrets."""

# mypy: disable-error-code="name-defined,attr-defined,no-untyped-call"
# Protobuf makes its names at run time, so a type checker does not see them.

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import struct_pb2

from kokunai.plugin.kind import UNKNOWN, Props

if TYPE_CHECKING:
    from collections.abc import Iterable

# Constants of Pulumi's protocol (pulumi/pulumi sdk/go/common/resource/plugin/rpc.go).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_HIDDEN = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_UNKNOWN_TEXTS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""The mark of each type; the engine sends the first one for all types."""
_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Decoded:
    """Plain properties, and the names of the top-level ones that hold a secret anywhere."""

    props: Props
    secrets: frozenset[str]


def decode(struct: struct_pb2.Struct) -> Decoded:
    """Plain values of a struct; whole numbers become ints, nulls are left out."""
    props: Props = {}
    secrets = set()
    for key, value in struct.fields.items():
        reader = _Reader()
        plain = reader.plain(value)
        if plain is not None:
            props[key] = plain
        if reader.secret:
            secrets.add(key)
    return Decoded(props, frozenset(secrets))


class _Reader:
    """Reads one property and remembers whether a secret was in it."""

    def __init__(self) -> None:
        self.secret = False

    def plain(self, value: struct_pb2.Value) -> Any:
        match value.WhichOneof("kind"):
            case "struct_value":
                return self._map(value.struct_value)
            case "list_value":
                return [self.plain(item) for item in value.list_value.values]
            case "number_value":
                return _number(value.number_value)
            case "string_value":
                text = value.string_value
                return UNKNOWN if text in _UNKNOWN_TEXTS else text
            case "bool_value":
                return value.bool_value
        return None

    def _map(self, struct: struct_pb2.Struct) -> Any:
        signature = struct.fields[_SIGNATURE].string_value if _SIGNATURE in struct.fields else ""
        if signature == _HIDDEN:
            self.secret = True
            return self.plain(struct.fields["value"])
        if signature == _OUTPUT:
            return self._output(struct)
        if signature == _RESOURCE:
            return self.plain(struct.fields["id"]) if "id" in struct.fields else UNKNOWN
        plain = {key: self.plain(value) for key, value in struct.fields.items()}
        return {key: value for key, value in plain.items() if value is not None}

    def _output(self, struct: struct_pb2.Struct) -> Any:
        if "secret" in struct.fields and struct.fields["secret"].bool_value:
            self.secret = True
        return self.plain(struct.fields["value"]) if "value" in struct.fields else UNKNOWN


def _number(number: float) -> int | float:
    return int(number) if number.is_integer() else number


def encode(props: Props, secrets: Iterable[str] = ()) -> struct_pb2.Struct:
    """The struct of plain properties; those named in `secrets` are marked secret as a whole."""
    hidden = frozenset(secrets)
    struct = struct_pb2.Struct()
    for key, plain in props.items():
        value = _value(plain)
        struct.fields[key].CopyFrom(_hide(value) if key in hidden else value)
    return struct


def _hide(value: struct_pb2.Value) -> struct_pb2.Value:
    wrapped = struct_pb2.Value()
    wrapped.struct_value.fields[_SIGNATURE].string_value = _HIDDEN
    wrapped.struct_value.fields["value"].CopyFrom(value)
    return wrapped


def _value(plain: Any) -> struct_pb2.Value:
    if plain is UNKNOWN:
        return struct_pb2.Value(string_value=_UNKNOWN_TEXT)
    if plain is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(plain, bool):
        return struct_pb2.Value(bool_value=plain)
    if isinstance(plain, int | float):
        return struct_pb2.Value(number_value=plain)
    if isinstance(plain, str):
        return struct_pb2.Value(string_value=plain)
    return _container(plain)


def _container(plain: Any) -> struct_pb2.Value:
    if isinstance(plain, dict):
        return struct_pb2.Value(
            struct_value=struct_pb2.Struct(fields={k: _value(v) for k, v in plain.items()})
        )
    if isinstance(plain, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_value(v) for v in plain]))
    raise TypeError(f"{type(plain).__name__} cannot be a property")
