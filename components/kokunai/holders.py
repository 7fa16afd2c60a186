"""What the stack remembers of everything that holds data, so that no loss of it goes unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.parts import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.catalog import Offer, Service
    from kokunai.parts import Data
    from kokunai.settings import StackSettings

TYPE = "kokunai:stack:DataHolders"
_NAME = "data"


def part(first: Part, declared: Iterable[Part], settings: StackSettings) -> Part:
    """The resource that compares what holds data now with what will hold it.

    It stands at the site and in the labels of the part that is declared first.
    """
    labels = {key: text for key, text in first.props["labels"].items() if key != "pool"}
    rows = [_row(one, one.data, settings) for one in declared if one.data]
    props = {"site": first.props["site"], "labels": labels, "holders": rows}
    # The settings of a stack file are one of a kind, so renaming them leaves this name alone.
    name = _NAME if settings.is_of_config else f"{settings.spec.name}-{_NAME}"
    return Part(TYPE, name, props, wanted=(), owned=False)


def begun(sold: Offer | Service, settings: StackSettings) -> Part:
    """Stands for the first part where none is declared, as once all contracts are over.

    What was there before is then about to go, and that must not go unsaid.
    """
    return Part(TYPE, _NAME, {"site": sold.site, "labels": settings.labels(sold)})


def protect(part: Part, settings: StackSettings) -> bool | None:
    """Pulumi's option; None leaves it to the options of the component."""
    if part.data is None:
        return None
    if {part.name, part.data.pool} & set(settings.allowed_losses):
        return False
    if part.data.protect is not None:
        return part.data.protect
    return None if settings.spec.lab else True


def _row(part: Part, data: Data, settings: StackSettings) -> dict[str, Any]:
    row = {
        "type": part.pulumi_type,
        "name": part.name,
        "was": part.former_name,
        "pool": data.pool,
        "network": data.network,
        "networkWas": data.network_was,
        "address": data.address,
        "protected": bool(protect(part, settings)),
        "inputs": {name: part.props[name] for name in data.made_of},
    }
    return {key: value for key, value in row.items() if value is not None}
