"""The package's schema for the engine and for SDK generators, made from the kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.plugin import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.plugin.inputs import Inputs
    from kokunai.plugin.kind import Kind

Schema = dict[str, Any]


def package(version: str, kinds: Iterable[Kind]) -> Schema:
    """The whole schema of the plugin."""
    config = settings.schema()
    return {
        "name": "kokunai",
        "version": version,
        "displayName": "Kokunai",
        "description": "国内の GPU クラスタ / GPU clusters on domestic Japanese capacity",
        "license": "Apache-2.0",
        "config": config,
        "provider": {"inputProperties": config["variables"]},
        "resources": {kind.token: kind.schema() for kind in kinds},
    }


def resource(model: type[Inputs], computed: dict[str, Schema], secrets: Iterable[str]) -> Schema:
    """Schema of a kind whose inputs are `model` and whose outputs are those and `computed`."""
    described = model.model_json_schema(by_alias=True)
    definitions = described.get("$defs", {})
    inputs = {
        name: _property(one, definitions) | ({"secret": True} if name in set(secrets) else {})
        for name, one in described["properties"].items()
    }
    required = sorted(described.get("required", []))
    return {
        "description": (described.get("description") or "").strip(),
        "inputProperties": inputs,
        "requiredInputs": required,
        "properties": {**inputs, **computed},
        "required": sorted([*required, *computed]),
    }


def _property(one: Schema, definitions: dict[str, Schema]) -> Schema:
    """JSON schema in Pulumi's words; nested objects are maps, whose shape `check` enforces."""
    if "anyOf" in one:
        inner = next(each for each in one["anyOf"] if each.get("type") != "null")
        return {**_property(inner, definitions), **_described(one)}
    if "$ref" in one:
        return {**_ANY_MAP, **_described(one)}
    if one.get("type") == "array":
        return {"type": "array", "items": _property(one["items"], definitions), **_described(one)}
    if one.get("type") == "object":
        inner = one.get("additionalProperties")
        values = _property(inner, definitions) if isinstance(inner, dict) else {"$ref": _ANY}
        return {"type": "object", "additionalProperties": values, **_described(one)}
    return {"type": one.get("type", "string"), **_described(one)}


_ANY = "pulumi.json#/Any"
_ANY_MAP: Schema = {"type": "object", "additionalProperties": {"$ref": _ANY}}


def _described(one: Schema) -> Schema:
    text = one.get("description")
    return {"description": text.strip()} if text else {}
