"""Decodes properties from the engine to plain data, keeping the marks of secrets and assets."""

from __future__ import annotations

from typing import Any


def plain(struct: Any) -> dict[str, Any]:
    """The mapping in a protobuf Struct."""
    return {key: _value(value) for key, value in struct.fields.items()}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "struct_value":
        return plain(value.struct_value)
    if kind == "list_value":
        return [_value(member) for member in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return value.bool_value if kind == "bool_value" else None
