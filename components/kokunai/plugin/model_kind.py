"""The half of a `Kind` that follows from its models: schema, check and difference."""

from __future__ import annotations

import re
from functools import cached_property
from typing import ClassVar

from kokunai.plugin.comparison import differences
from kokunai.plugin.inputs import Computed, Governed, checked
from kokunai.plugin.kind import OWNER, UNKNOWN, Change, Checked, Props, Schema, Transition
from kokunai.plugin.schema import ResourceSchema

_OWNER_SCHEMA: Schema = {
    "type": "string",
    "description": "所有者の印 / Mark of the resource that this belongs to.",
}
_GOVERNING = ("site", "labels")


class ModelKind:
    """A kind names its models; what they say need not be said again.

    A subclass adds `create`, `read`, `update`, `delete`, and may override anything here.
    """

    pulumi_type: str
    model: ClassVar[type[Governed]]
    """The inputs."""
    computed: ClassVar[type[Computed]] = Computed
    """Outputs beside the inputs."""
    replaced_by: ClassVar[dict[str, str]] = {}
    """Top-level properties that cannot be changed in place, and why, `Japanese / English`."""
    is_found_by_digest = True
    default_timeout_seconds: float = 600.0
    secret_properties: frozenset[str] = frozenset()

    @cached_property
    def _described(self) -> ResourceSchema:
        made = ResourceSchema(
            self.pulumi_type, self.model, self.computed, secrets=self.secret_properties
        )
        if self.is_found_by_digest:
            made.resource["properties"][OWNER] = _OWNER_SCHEMA
        return made

    def schema(self) -> Schema:
        """Made from the models."""
        return self._described.resource

    def types(self) -> dict[str, Schema]:
        """Nested models and choices of words."""
        return self._described.types

    def identity(self, transition: Transition) -> str:
        """Pulumi's id, unless a kind knows that the real thing may get another one."""
        return transition.id

    async def check(self, transition: Transition) -> Checked:
        """Every mistake at once, without asking anybody."""
        return checked(self.model, transition.new)

    def diff(self, transition: Transition) -> list[Change]:
        """Leaf by leaf; a property of `replaced_by` costs a replacement."""
        old, new = comparable(transition.old, transition.new)
        return [self._priced(change) for change in differences(old, new)]

    def _priced(self, change: Change) -> Change:
        top = re.split(r"[.\[]", change.path, maxsplit=1)[0]
        if top not in self.replaced_by:
            return change
        return Change(change.path, change.kind, replace=True, reason=self.replaced_by[top])

    def foreseen(self, transition: Transition) -> Props:
        """Inputs, and the outputs that an earlier operation left; others are not known yet."""
        outputs = {name: transition.state.get(name, UNKNOWN) for name in self.computed.names()}
        return {**outputs, **transition.new}


def comparable(old: Props, new: Props) -> tuple[Props, Props]:
    """Both sides without what only we know: an imported thing may lack its site and labels."""
    absent = [name for name in _GOVERNING if name not in old]
    return old, {key: value for key, value in new.items() if key not in absent}
