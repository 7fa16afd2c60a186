"""Implements the methods of a `Kind` that follow from its models: schema, check and diff."""

from __future__ import annotations

import re
from functools import cached_property
from typing import ClassVar

from kokunai.plugin.comparison import differences
from kokunai.plugin.inputs import Computed, Inputs, checked
from kokunai.plugin.kind import (
    OWNED_BY,
    OWNER,
    UNKNOWN,
    Change,
    Checked,
    Props,
    Schema,
    Transition,
)
from kokunai.plugin.schema import ResourceSchema

_OWNER_SCHEMA: Schema = {
    "type": "string",
    "description": "所有者の印 / Mark of the resource that this belongs to.",
}
_GOVERNING = ("site", "labels")


class ModelKind:
    """Base of kinds whose schema, check and diff are derived from their models.

    A subclass adds `create`, `read`, `update`, `delete`, and may override anything here.
    """

    pulumi_type: str
    model: ClassVar[type[Inputs]]
    """The inputs."""
    computed: ClassVar[type[Computed]] = Computed
    """Outputs beside the inputs."""
    replaced_by: ClassVar[dict[str, str]] = {}
    """Top-level properties that cannot be changed in place, and why, `Japanese / English`."""
    import_id: ClassVar[str] = ""
    """What `pulumi import` takes, for example `is1a/123456789012`; empty where it takes nothing."""
    is_found_by_digest = True
    default_timeout_seconds: float = 600.0
    secret_properties: frozenset[str] = frozenset()

    @cached_property
    def _described(self) -> ResourceSchema:
        made = ResourceSchema(
            self.pulumi_type, self.model, self.computed, secrets=self.secret_properties
        )
        made.resource["description"] += f"\n\n{self._importing()}"
        if self.is_found_by_digest:
            made.resource["properties"][OWNER] = _OWNER_SCHEMA
        return made

    def _importing(self) -> str:
        if not self.import_id:
            return "import はできません。 / It cannot be imported."
        command = f"`pulumi import {self.pulumi_type} NAME {self.import_id}`"
        return f"既存のものの取り込み / Import what exists: {command}"

    def schema(self) -> Schema:
        """The schema of inputs and outputs, made from the models."""
        return self._described.resource

    def types(self) -> dict[str, Schema]:
        """Object types of nested models, and enum types of literals."""
        return self._described.types

    def identity(self, transition: Transition) -> str:
        """Pulumi's id; a kind whose resources can change their id at the API overrides this."""
        return transition.id

    async def check(self, transition: Transition) -> Checked:
        """Check the inputs against the model, without a call of an API."""
        return checked(self.model, transition.new)

    def diff(self, transition: Transition) -> list[Change]:
        """Changes leaf by leaf; those of a property in `replaced_by` need a replacement."""
        old, new = comparable(transition.old, transition.new)
        return [self._priced(change) for change in differences(old, new)]

    def _priced(self, change: Change) -> Change:
        top = re.split(r"[.\[]", change.path, maxsplit=1)[0]
        if top not in self.replaced_by:
            return change
        return Change(change.path, change.kind, replace=True, reason=self.replaced_by[top])

    def known_outputs(self, transition: Transition) -> Props:
        """The new inputs and the outputs of the last operation; other outputs are unknown."""
        outputs = {name: transition.state.get(name, UNKNOWN) for name in self.computed.names()}
        return {**outputs, **transition.new}


def comparable(old: Props, new: Props) -> tuple[Props, Props]:
    """Both sides without site and labels where an imported resource lacks them.

    The owner is left out, too: whether the mark must be written again is seen by the digest.
    """
    ignored = {OWNED_BY, *(name for name in _GOVERNING if name not in old)}
    kept = {key: value for key, value in old.items() if key != OWNED_BY}
    return kept, {key: value for key, value in new.items() if key not in ignored}
