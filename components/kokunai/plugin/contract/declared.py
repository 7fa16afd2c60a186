"""`kokunai:contract:Network` and `kokunai:contract:Share`: what a contract brought along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.plugin.contract.inputs import NetworkInputs, ShareInputs
from kokunai.plugin.kind import Created, Found
from kokunai.plugin.model_kind import ModelKind

if TYPE_CHECKING:
    from kokunai.plugin.kind import Operation, Props, Transition

_OTHER = "契約の別の項目です / it is another item of the contract"


class _Declared(ModelKind):
    """It exists at the operator whatever a stack does, and in the state as it was declared."""

    is_found_by_digest = False
    replaced_by = {"contract": _OTHER, "name": _OTHER}  # noqa: RUF012 - as in the base, a constant

    async def create(self, op: Operation, transition: Transition) -> Created:  # noqa: ARG002
        """Remember it."""
        new = transition.new
        return Created(f"{new['contract']}/{new['name']}", dict(new))

    async def read(self, op: Operation, transition: Transition) -> Found | None:  # noqa: ARG002
        """As it was declared: no API tells of it."""
        if not transition.state:
            raise KokunaiError(
                ja="契約の項目は import できません。pulumi up で引き継ぎます",
                en="what comes with a contract cannot be imported; pulumi up adopts it",
            )
        return Found(transition.id, transition.old, transition.state)

    async def update(self, op: Operation, transition: Transition) -> Props:  # noqa: ARG002
        """Remember what is declared now."""
        return dict(transition.new)

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Forget it: the operator keeps it, with its data."""
        op.info(
            f"{transition.id} を管理から外しました。事業者の側では何も変わりません\n"
            f"{transition.id} is forgotten; nothing changes at the operator"
        )


class Network(_Declared):
    """A network that was handed over."""

    pulumi_type = "kokunai:contract:Network"
    model = NetworkInputs


class Share(_Declared):
    """A file system that was handed over; forgetting it loses none of its data."""

    pulumi_type = "kokunai:contract:Share"
    model = ShareInputs
