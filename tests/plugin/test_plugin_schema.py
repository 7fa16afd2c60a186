"""The package's schema says all that the models say, nested ones included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from kokunai.plugin import schema
from kokunai.plugin.registry import registry
from kokunai.plugin.settings import Settings

REGISTRY = registry()
PACKAGE = schema.package("1.2.3", REGISTRY, Settings(REGISTRY.sections))
KINDS = list(REGISTRY.kinds.values())
BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.pulumi_type)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models inside an annotation such as `list[Disk] | None`, and those inside them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from models_in(field.annotation)
    for part in get_args(annotation):
        yield from models_in(part)


def nested(model: type[BaseModel]) -> set[type[BaseModel]]:
    return set(models_in(model)) - {model}


def names(model: type[BaseModel]) -> set[str]:
    return {to_camel(name) for name in model.model_fields}


def required(model: type[BaseModel]) -> list[str]:
    return sorted(
        to_camel(name) for name, field in model.model_fields.items() if field.is_required()
    )


@BY_NAME
def test_every_property_of_the_models_is_in_the_schema(kind: Any) -> None:
    resource = PACKAGE["resources"][kind.pulumi_type]

    assert resource["inputProperties"].keys() == names(kind.model)
    owner = {"ownerDigest"} if kind.is_found_by_digest else set()
    assert resource["properties"].keys() == names(kind.model) | names(kind.computed) | owner
    assert resource["requiredInputs"] == required(kind.model)
    assert resource["required"] == sorted([*required(kind.model), *required(kind.computed)])


@BY_NAME
def test_every_nested_model_is_a_type_with_every_property(kind: Any) -> None:
    inside = nested(kind.model) | nested(kind.computed)

    for model in inside:
        made = PACKAGE["types"][kind.pulumi_type + model.__name__.removesuffix("Inputs")]
        assert made["type"] == "object"
        assert made["properties"].keys() == names(model)
        assert made["required"] == required(model)
    objects = [made for made in kind.types().values() if made["type"] == "object"]
    assert len(objects) == len(inside)


@BY_NAME
def test_the_description_says_what_an_import_takes(kind: Any) -> None:
    said = PACKAGE["resources"][kind.pulumi_type]["description"]

    of_the_state = {"kokunai:ansible:Configuration", "kokunai:stack:DataHolders"}
    adopted = {f"kokunai:contract:{name}" for name in ("Host", "Network", "Share", "SlurmCluster")}
    if kind.pulumi_type in of_the_state | adopted:
        assert said.endswith("It cannot be imported.")
    else:
        assert f"pulumi import {kind.pulumi_type} NAME {kind.import_id}" in said
        assert kind.import_id


def test_plan_disks_and_interfaces_of_a_server_are_objects_of_their_own() -> None:
    given = PACKAGE["resources"]["kokunai:sakura:Server"]["inputProperties"]

    assert given["plan"]["$ref"] == "#/types/kokunai:sakura:ServerPlan"
    assert given["disks"]["items"] == {"$ref": "#/types/kokunai:sakura:ServerDisk"}
    assert given["nics"]["items"] == {"$ref": "#/types/kokunai:sakura:ServerNic"}
    disk = PACKAGE["types"]["kokunai:sakura:ServerDisk"]
    assert disk["properties"]["sizeGib"]["type"] == "integer"
    assert disk["required"] == ["plan", "sizeGib"]
    choice = PACKAGE["types"][disk["properties"]["plan"]["$ref"].removeprefix("#/types/")]
    assert [option["value"] for option in choice["enum"]] == ["ssd", "hdd"]


def test_verdicts_and_results_of_a_configuration_are_typed() -> None:
    made = PACKAGE["resources"]["kokunai:ansible:Configuration"]["properties"]

    checks = made["verified"]["additionalProperties"]["additionalProperties"]
    assert checks == {"$ref": "#/types/kokunai:ansible:ConfigurationCheck"}
    result = {"$ref": "#/types/kokunai:ansible:ConfigurationResult"}
    assert made["results"]["additionalProperties"] == result
    verdicts = PACKAGE["types"]["kokunai:ansible:ConfigurationCheckVerdict"]["enum"]
    assert [option["value"] for option in verdicts] == ["pass", "fail", "not-verified"]


def test_nothing_refers_to_a_type_that_is_not_there() -> None:
    known = {f"#/types/{token}" for token in PACKAGE["types"]} | {"pulumi.json#/Any"}

    assert set(references(PACKAGE)) <= known
    assert {f"#/types/{token}" for token in PACKAGE["types"]} <= set(references(PACKAGE))


def test_every_property_is_described_and_secrets_are_marked() -> None:
    parts = [*PACKAGE["resources"].values(), *PACKAGE["types"].values()]
    described = [made for part in parts for made in part.get("properties", {}).items()]

    assert [name for name, made in described if not made.get("description")] == []
    secret = {
        (token, name)
        for token, resource in PACKAGE["resources"].items()
        for name, made in resource["properties"].items()
        if made.get("secret")
    }
    assert secret == {
        ("kokunai:sakura:Bucket", "secretAccessKey"),
        ("kokunai:sakura:Server", "password"),
        ("kokunai:sakura:Server", "hostKeySeed"),
        ("kokunai:index:Owner", "hostKeySeed"),
        ("kokunai:ansible:Configuration", "secretVariables"),
    }
