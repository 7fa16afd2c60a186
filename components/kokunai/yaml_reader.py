"""Reads YAML so that a file means here what it means to Pulumi, and refuses duplicate keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from kokunai import input_method

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# PyYAML and the engine read 08, 0x10, 1_000, 1:30 and 1e3 differently, so all of them are text,
# and so are numbers that neither keeps exactly.
_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"^-?(?:0|[1-9][0-9]{0,14})$"),
    "tag:yaml.org,2002:float": re.compile(r"^-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}$"),
}
_BOOLEAN = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_TIME = "tag:yaml.org,2002:timestamp"


class NotYaml(Exception):
    """A file is not YAML, or repeats a key; the text says what is wrong and where, on one line."""

    def __init__(self, en: str, ja: str = "") -> None:
        super().__init__(en)
        self.ja = ja or en
        """The same in Japanese, as far as there are words of our own."""


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """PyYAML's rules for plain scalars, without those for booleans, dates and numbers."""
    other = {_BOOLEAN, _TIME, *_NUMBERS}
    return {
        first: [(tag, form) for tag, form in rules if tag not in other]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _Loader(yaml.SafeLoader):
    """Keys, `yes` and dates are text, and only `true` and `false` are booleans, as in YAML 1.2.

    Numbers are plain decimals; every other way to write one is text.
    """

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
for _tag, _form in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, _form, list("-0123456789"))


def read(path: Path) -> Any:
    """Plain data of a file. Raises OSError or NotYaml."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return _load(text)
    except RecursionError:
        raise NotYaml("nested too deeply", "入れ子が深すぎます") from None
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, text) from None
    except yaml.reader.ReaderError as error:
        before, code = text[: error.position], f"U+{error.character:04X}"
        where = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        raise _placed(where, f"YAML に使えない文字（{code}）です", f"YAML has no {code}") from None
    except UnicodeDecodeError as error:
        read_bytes = bytes(error.object[: error.start])
        where = read_bytes.count(b"\n") + 1, len(read_bytes.rpartition(b"\n")[2]) + 1
        raise _placed(where, "UTF-8 ではありません", "not UTF-8") from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as error:
        # The last three are what a tag such as `!!bool maybe` ends in.
        raise NotYaml(" ".join(str(error).split()) or type(error).__name__) from None


def look_alikes(path: Path, keys: Iterable[str]) -> list[input_method.LookAlike]:
    """Characters of an input method in the values of these keys below `config`."""
    text = path.read_text(encoding="utf-8")
    if not any(map(input_method.is_look_alike, set(text))):
        return []
    loader = _Loader(text)
    try:
        config = _member(loader.get_single_node(), "config")
    finally:
        loader.dispose()
    values = [node for key in keys if (node := _member(config, key))]
    return [
        found
        for node in values
        for found in input_method.within(text, node.start_mark.index, node.end_mark.index)
    ]


def first_look_alikes(path: Path) -> list[input_method.LookAlike]:
    """The first one anywhere in the file that stands where YAML expects a mark of its own."""
    found = input_method.before_line(path.read_text(encoding="utf-8"), None)
    return [found] if found else []


def _member(node: Any, key: str) -> Any:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for name, value in node.value if name.value == key), None)


def _load(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _not_yaml(error: yaml.MarkedYAMLError, text: str) -> NotYaml:
    """`line 6, column 5: what is wrong there`; a look-alike before it is blamed instead."""
    mark, problem = error.problem_mark, " ".join(str(error.problem).split())
    if mark is None:
        return NotYaml(problem)
    if blamed := input_method.before_line(text, mark.line + 1):
        return NotYaml(blamed.en, blamed.ja)
    ja = problem
    if text[mark.index : mark.index + 1] == "\t":
        ja = "タブは字下げに使えません。半角スペースにしてください"
    return _placed((mark.line + 1, mark.column + 1), ja, problem)


def _placed(where: tuple[int, int], ja: str, en: str) -> NotYaml:
    line, column = where
    return NotYaml(f"line {line}, column {column}: {en}", f"{line} 行 {column} 列: {ja}")


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
