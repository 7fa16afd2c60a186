"""Declares the resources of resources.json; `$later` is unknown in preview, `$secret` secret."""

import json
from pathlib import Path

import pulumi

made = pulumi.CustomResource(
    "kokunai:sakura:Switch",
    "made-first",
    {"site": "sakura-ishikari", "zone": "is1a", "labels": {"data-class": "internal"}},
)


def value(given):
    if isinstance(given, list):
        return [value(one) for one in given]
    if not isinstance(given, dict):
        return given
    if "$later" in given:
        return made.id
    if "$secret" in given:
        return pulumi.Output.secret(given["$secret"])
    return {key: value(one) for key, one in given.items()}


for row in json.loads(Path("resources.json").read_text()):
    pulumi.CustomResource(row["type"], row["name"], value(row["props"]))
