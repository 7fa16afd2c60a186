"""Writes `kokunai/resources/kinds.py` from the plugin's own kinds, so that the two never differ."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kokunai.plugin.registry import registry

if TYPE_CHECKING:
    from kokunai.plugin.kind import Kind

TARGET = Path(__file__).parents[1] / "resources" / "kinds.py"
_HEADER = '''"""The plugin's kinds as Pulumi classes."""

# Written by `python -m kokunai.plugin.generate_kinds`; a test holds the two together.

# Property names are the plugin's own, and Pulumi reads the annotations at run time.
# ruff: noqa: N815, TC002

from __future__ import annotations

from typing import Any

import pulumi

from kokunai.resources import Kind
'''
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def generated() -> str:
    """The text of the file: one class per kind, with its type and the outputs that it adds."""
    kinds = sorted(registry().kinds.values(), key=lambda kind: kind.pulumi_type)
    return "\n\n".join([_HEADER, *map(_class, kinds)])


def class_name(pulumi_type: str) -> str:
    """The last word of the type, with its module before it where two modules have that word."""
    _, module, name = pulumi_type.split(":")
    names = [other.rpartition(":")[2] for other in registry().kinds]
    return name if names.count(name) == 1 else f"{module.capitalize()}{name}"


def _class(kind: Kind) -> str:
    schema = kind.schema()
    added = [name for name in schema["properties"] if name not in schema["inputProperties"]]
    lines = [
        f"class {class_name(kind.pulumi_type)}(Kind):",
        f'    """{_sentence(kind, schema)}"""',
        "",
        f'    pulumi_type = "{kind.pulumi_type}"',
        f"    outputs = ({', '.join(map(repr, added))},)" if added else "",
        "",
        *(f"    {name}: pulumi.Output[{_type(schema['properties'][name])}]" for name in added),
        "",
    ]
    return "\n".join(lines)


def _sentence(kind: Kind, schema: dict[str, Any]) -> str:
    """The first line of what the schema says of the kind."""
    return str(schema.get("description") or kind.pulumi_type).splitlines()[0]


def _type(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list[{_type(schema['items'])}]"
    if schema.get("type") == "object":
        return "dict[str, Any]"
    return _TYPES.get(str(schema.get("type")), "Any")


def main() -> None:
    """Write the file and format it."""
    TARGET.write_text(generated(), encoding="utf-8")
    ruff = Path(sys.executable).parent / "ruff"
    subprocess.run([ruff, "format", "--quiet", TARGET], check=True)


if __name__ == "__main__":
    main()
