"""`kokunai:sakura:Switch`: a private layer-2 segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import SWITCH
from kokunai.plugin.sakura.fields import Tagged
from kokunai.plugin.sakura.kind import described, description_inputs, own_tags, tags_of
from kokunai.plugin.sakura.simple_kind import SimpleKind

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Operation, Props


class SwitchInputs(Tagged):
    """A private layer-2 segment."""


class Switch(SimpleKind):
    """A switch; it can be removed only when nothing is connected to it any more."""

    pulumi_type = "kokunai:sakura:Switch"
    model = SwitchInputs
    collection = SWITCH
    replaced_by: ClassVar = {
        "zone": "スイッチはゾーンを移せません / a switch cannot move to another zone"
    }

    def body(self, op: Operation, props: Props) -> Item:
        """Name, description and tags."""
        return sakura_requests.switch(
            name=props["name"], description=described(op, props), tags=tags_of(op, props)
        )

    def view(self, item: Item, given: Props) -> Props:
        """The inputs; the API shows all of them."""
        return {
            "name": item["Name"],
            "zone": given["zone"],
            **description_inputs(item),
            "tags": own_tags(item.get("Tags")),
        }
