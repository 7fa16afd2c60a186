"""Reads YAML so that a file means here what it means to Pulumi, and refuses keys given twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_BOOLEAN = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_TIME = "tag:yaml.org,2002:timestamp"


class NotYaml(Exception):
    """What is wrong and where, on one line."""


class _Loader(yaml.SafeLoader):
    """Keys are text, `yes` and days are text, only `true` and `false` are booleans."""

    yaml_implicit_resolvers: Any = {  # noqa: RUF012 - the library keeps it on the class
        first: [(tag, form) for tag, form in rows if tag not in {_BOOLEAN, _TIME}]
        for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if key.value in seen:
                problem = f"the key {key.value} stands twice"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            seen.add(key.value)
            key.tag = _TEXT
        return node


_Loader.add_implicit_resolver(
    _BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def read(path: Path) -> Any:
    """Plain data of a file. Raises OSError or NotYaml."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - safe
    except RecursionError:
        raise NotYaml("nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        raise NotYaml(_where(error)) from None
    # The constructors of numbers raise ValueError, and undecodable bytes are one.
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(" ".join(str(error).split())) from None


def _where(error: yaml.MarkedYAMLError) -> str:
    """`line 6, column 5: what is wrong there`."""
    mark, problem = error.problem_mark, " ".join(str(error.problem).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def holds_key(data: Any, key: str) -> bool:
    """Whether the key stands anywhere in the data; what anchors share is looked at once."""
    waiting, seen = [data], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen or not isinstance(one, dict | list):
            continue
        seen.add(id(one))
        if isinstance(one, dict) and key in one:
            return True
        waiting.extend(one.values() if isinstance(one, dict) else one)
    return False
