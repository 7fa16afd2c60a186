"""Reads YAML so that a file means here what it means to Pulumi, and refuses duplicate keys."""

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
    """A file is not YAML, or repeats a key; the text says what is wrong and where, on one line."""


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """PyYAML's rules for plain scalars, without those of YAML 1.1 for booleans and dates."""
    return {
        first: [(tag, form) for tag, form in rules if tag not in {_BOOLEAN, _TIME}]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Loader(yaml.SafeLoader):
    """Keys, `yes` and dates are text, and only `true` and `false` are booleans, as in YAML 1.2."""

    yaml_implicit_resolvers = _resolvers()

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            if key.value in keys:
                problem = f"the key {key.value} stands twice"
                raise yaml.composer.ComposerError(None, None, problem, key.start_mark)
            keys.add(key.value)
            key.tag = _TEXT
        return node


_Loader.add_implicit_resolver(
    _BOOLEAN, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def read(path: Path) -> Any:
    """Plain data of a file. Raises OSError or NotYaml."""
    try:
        return _load(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise NotYaml("nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        raise NotYaml(_where(error)) from None
    # The constructors of numbers raise ValueError, and so does text that is not UTF-8.
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(" ".join(str(error).split())) from None


def _load(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _where(error: yaml.MarkedYAMLError) -> str:
    """`line 6, column 5: what is wrong there`."""
    mark, problem = error.problem_mark, " ".join(str(error.problem).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem


def holds_key(data: Any, key: str) -> bool:
    """Whether the key stands anywhere in the data; a part that anchors share is visited once."""
    waiting, visited = [data], set()
    while waiting:
        part = waiting.pop()
        if id(part) in visited or not isinstance(part, dict | list):
            continue
        visited.add(id(part))
        if isinstance(part, dict) and key in part:
            return True
        waiting.extend(part.values() if isinstance(part, dict) else part)
    return False
