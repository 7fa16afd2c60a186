"""Makes the package's schema from the models of the kinds, for the engine and SDK generators."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from kokunai.plugin.kind import Schema
    from kokunai.plugin.module import Registry
    from kokunai.plugin.settings import Settings

_ANY = "pulumi.json#/Any"
_SUFFIX = "Inputs"


def package(version: str, registry: Registry, settings: Settings) -> Schema:
    """The whole schema of the plugin."""
    config = settings.schema()
    types: Schema = {}
    for kind in registry.kinds.values():
        types |= kind.types()
    return {
        "name": "kokunai",
        "version": version,
        "displayName": "Kokunai",
        "description": "国内の GPU クラスター / GPU clusters on domestic Japanese capacity",
        "license": "Apache-2.0",
        "config": config,
        "provider": {"inputProperties": config["variables"]},
        "types": types,
        "resources": {name: kind.schema() for name, kind in registry.kinds.items()},
    }


@dataclass
class ResourceSchema:
    """Schema of one kind, whose inputs are `inputs` and whose outputs are those and `computed`.

    A nested model becomes an object type named after the kind and the model, for example
    `kokunai:sakura:ServerDisk`; a choice of words becomes an enum type named after where it
    stands, for example `kokunai:sakura:ServerDiskPlan`.
    """

    pulumi_type: str
    inputs: type[BaseModel]
    computed: type[BaseModel]
    secrets: frozenset[str] = frozenset()
    types: Schema = field(default_factory=dict)
    """Object and enum types by token."""
    resource: Schema = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Translate both models once."""
        described, given = self._object(self.inputs)
        _, added = self._object(self.computed)
        for properties in (given["properties"], added["properties"]):
            for name in self.secrets & properties.keys():
                properties[name]["secret"] = True
        self.resource = {
            "description": described,
            "inputProperties": given["properties"],
            "requiredInputs": given["required"],
            "properties": {**given["properties"], **added["properties"]},
            "required": sorted([*given["required"], *added["required"]]),
        }

    def _object(self, model: type[BaseModel]) -> tuple[str, Schema]:
        described = model.model_json_schema(by_alias=True)
        for name, nested in described.get("$defs", {}).items():
            token = self._token(name)
            self.types[token] = {
                "type": "object",
                "description": (nested.get("description") or "").strip(),
                **self._members(nested, token),
            }
        made = self._members(described, self.pulumi_type)
        return (described.get("description") or "").strip(), made

    def _members(self, described: Schema, owner: str) -> Schema:
        properties = {
            name: self._property(member, owner + name[:1].upper() + name[1:])
            for name, member in described.get("properties", {}).items()
        }
        return {"properties": properties, "required": sorted(described.get("required", []))}

    def _token(self, model_name: str) -> str:
        return self.pulumi_type + model_name.removesuffix(_SUFFIX)

    def _property(self, described: Schema, place: str) -> Schema:
        """The Pulumi schema of a property; `place` names the enum type if it is one."""
        return {**self._type(described, place), **_text(described)}

    def _type(self, described: Schema, place: str) -> Schema:
        if "anyOf" in described:
            return self._type(next(filter(_is_given, described["anyOf"])), place)
        if "$ref" in described:
            return _reference(self._token(described["$ref"].rpartition("/")[2]))
        if "enum" in described:
            self.types[place] = _enum(described)
            return _reference(place)
        if described.get("type") == "array":
            return {"type": "array", "items": self._type(described["items"], place)}
        if described.get("type") == "object":
            inner = described.get("additionalProperties")
            values = self._type(inner, place) if isinstance(inner, dict) else {"$ref": _ANY}
            return {"type": "object", "additionalProperties": values}
        return _plain_type(described)


def plain_property(described: Schema) -> Schema:
    """The Pulumi schema of a property with a scalar value."""
    options = described.get("anyOf", [described])
    return {**_plain_type(next(filter(_is_given, options))), **_text(described)}


def _is_given(described: Schema) -> bool:
    return described.get("type") != "null"


def _plain_type(described: Schema) -> Schema:
    return {"type": described["type"]} if "type" in described else {"$ref": _ANY}


def _reference(token: str) -> Schema:
    return {"$ref": f"#/types/{token}"}


def _enum(described: Schema) -> Schema:
    values: list[Any] = list(described["enum"])
    kind = "integer" if all(type(value) is int for value in values) else "string"
    return {"type": kind, **_text(described), "enum": [{"value": value} for value in values]}


def _text(described: Schema) -> Schema:
    text = described.get("description")
    return {"description": text.strip()} if text else {}
