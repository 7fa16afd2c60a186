"""Turns the rules' own examples into resources and contexts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from kokunai_policy import Context, Resource, StateStore, rulebook, waivers


def waivers_of(content: Any) -> waivers.Waivers:
    """What a waiver file with this content gives; a day stands in it as text."""
    return waivers.read(json.loads(json.dumps(content, default=str)))


TODAY = date(2026, 11, 24)
STACK_URN = "urn:pulumi:test::example"


@dataclass(frozen=True)
class Example:
    rule: str
    row: dict[str, Any]
    good: bool

    @property
    def context(self) -> Context:
        state = self.row.get("state")
        return Context(
            lab=self.row.get("lab", False),
            today=TODAY,
            environment=self.row.get("environment", {}),
            state=StateStore(**state) if state else None,
            waivers=waivers_of(self.row.get("waivers", {})),
        )

    @property
    def urn(self) -> str:
        return f"{STACK_URN}::{self.row['type']}::example"

    def resource(self, props: Any = None) -> Resource:
        return Resource(
            type=self.row["type"],
            name="example",
            props=self.row["props"] if props is None else props,
            urn=self.urn,
            custom=self.row.get("custom", True),
        )

    @property
    def id(self) -> str:
        token = self.row["type"].rpartition(":")[2]
        return f"{self.rule}-{'good' if self.good else 'bad'}-{token}-{self.row.get('path', '')}"


def every_example() -> list[Example]:
    return [
        Example(rule.id, row, good)
        for rule in rulebook.rules().values()
        for good, rows in ((True, rule.good), (False, rule.bad))
        for row in rows
    ]
