"""The one guard through which values from outside reach Ansible: as data and never as templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kokunai.errors import KokunaiError

_UNSAFE = "__ansible_unsafe"
_RESERVED = "__ansible_"


class Template(str):
    """A text that Ansible shall evaluate; only this package's own code makes one."""

    __slots__ = ()


def document(inventory: Mapping[str, Any]) -> str:
    """The inventory as Ansible's JSON, in which every text but a `Template` is marked as data.

    Raises KokunaiError for a key by which Ansible's reader would change the meaning of a value.
    """
    # Ansible reads what it cannot read as JSON once more as YAML, where the marks mean nothing
    # and texts are templates; a tab at the start of a line is an error in YAML.
    return json.dumps(_marked(inventory), indent="\t")


def _marked(value: Any) -> Any:
    if isinstance(value, Template):
        return str(value)
    if isinstance(value, str):
        return {_UNSAFE: value}
    if isinstance(value, Mapping):
        return {_key(key): _marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    return value


def _key(key: Any) -> str:
    text = str(key)
    if text.startswith(_RESERVED) or any(mark in text for mark in ("{{", "{%", "{#")):
        raise KokunaiError(
            ja=f"変数のキー「{text[:60]}」は Ansible では使えません。別の名前にしてください",
            en=f'the key "{text[:60]}" of a variable means something else to Ansible; rename it',
        )
    return text
