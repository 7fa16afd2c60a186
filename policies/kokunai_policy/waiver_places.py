"""Where a waiver holds: at one URN, or at resources of a stack by their type and name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMED: Final = ("stack", "type", "name")
"""The fields of a place by type and name; a place by URN has the field `urn` alone."""

_TERMS = 'reason: "", requester: "", approver: "", ticket: "", expires: YYYY-MM-DD'


@dataclass(frozen=True)
class Place:
    """A URN, or stack, type and name; in the name a star stands for any characters."""

    urn: str = ""
    stack: str = ""
    type: str = ""
    name: str = ""

    def __str__(self) -> str:
        return self.urn or f"{self.stack} {self.type} {self.name}"

    @property
    def stack_name(self) -> str:
        """The stack it is for, without the project."""
        return self.stack or stack_of(self.urn)

    def holds(self, *, urn: str, type_: str, name: str, stack: str = "") -> bool:
        """Whether the resource is here; without URN and `stack::project` its stack is unknown."""
        if self.urn:
            return self.urn == urn if urn else self._is_end(type_, name, stack)
        here = stack_of(urn) if urn else stack.partition("::")[0]
        if here and here != self.stack:
            return False
        return self.type == type_ and _pattern(self.name).fullmatch(name) is not None

    def _is_end(self, type_: str, name: str, stack: str) -> bool:
        """Before its registration a resource has no URN, so the end of the waiver's is compared."""
        if stack and not self.urn.startswith(f"urn:pulumi:{stack}::"):
            return False
        head, _, last = self.urn.rpartition("::")
        return last == name and head.rpartition("::")[2].split("$")[-1] == type_


def stack_of(urn: str) -> str:
    """The name of the stack in a URN."""
    return urn.removeprefix("urn:pulumi:").partition("::")[0]


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, name.split("*"))), re.DOTALL)


def place_fields(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that say where an entry holds: those of its form, `urn` where it has neither."""
    return NAMED if any(key in entry for key in NAMED) else ("urn",)


def place_problems(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Key and texts of what is wrong with stack, type or name."""
    texts = {key: entry[key] for key in NAMED if isinstance(entry.get(key), str)}
    for key in ("stack", "type"):
        if "*" in texts.get(key, ""):
            yield key, "* は name だけで使えます", "a star may stand in name only"
    if texts.get("name") and not texts["name"].strip("* "):
        yield (
            "name",
            "* だけでは広すぎます。train-* のように書いてください",
            "a star alone is too wide; write for example train-*",
        )


def row(rule: str, *, stack: str, type_: str, name: str) -> str:
    """The lines to paste into the waivers of `waivers.yaml`; the empty texts are for people."""
    place = f"stack: {_quoted(stack)}, type: {_quoted(type_)}, name: {_quoted(name)}"
    return f"- {{rule: {rule}, {place},\n   {_TERMS}}}"


def type_row(type_: str) -> str:
    """The lines to paste into the `allowed_types` of `waivers.yaml`."""
    return f"- {{type: {_quoted(type_)},\n   {_TERMS}}}"


def _quoted(text: str) -> str:
    # A JSON text is a YAML text, whatever it holds.
    return json.dumps(text, ensure_ascii=False)
