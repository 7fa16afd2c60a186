"""Pulumi classes of the plugin's kinds; their inputs have the kind's own camelCase names."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PACKAGE = "kokunai"
_WRITTEN = "kokunai.resources.kinds"


class Provider(pulumi.ProviderResource):
    """An account and its endpoints; inputs left out are taken from the plugin's environment."""

    def __init__(
        self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(PACKAGE, name, dict(props), opts)


class Kind(pulumi.CustomResource):
    """A resource of the plugin.

    A replacement deletes first: addresses and GPUs are scarce, and a create finds by its tag
    what the same resource made before.
    """

    pulumi_type: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]] = ()
    """Names of the outputs that the plugin adds to the inputs."""

    def __init__(
        self,
        name: str,
        props: Mapping[str, Any],
        opts: pulumi.ResourceOptions | None = None,
        *,
        wanted: Iterable[str] | None = None,
    ) -> None:
        """`wanted` are the outputs that the program reads; all of them if it is left out.

        Pulumi keeps a future for each of them, which a pool of hundreds of servers feels.
        """
        in_order = pulumi.ResourceOptions(delete_before_replace=True)
        merged = pulumi.ResourceOptions.merge(in_order, opts)
        outputs = dict.fromkeys(self.outputs if wanted is None else wanted)
        super().__init__(self.pulumi_type, name, {**outputs, **props}, merged)

    def output(self, name: str) -> pulumi.Output[Any]:
        """The output with this camelCase name."""
        output: pulumi.Output[Any] = getattr(self, name)
        return output


def kind(pulumi_type: str) -> type[Kind]:
    """The class of a type such as `kokunai:sakura:Server`; made on the fly if not generated."""
    kinds = importlib.import_module(_WRITTEN)
    name = pulumi_type.rpartition(":")[2]
    written: type[Kind] | None = getattr(kinds, name, None)
    if written is not None and written.pulumi_type == pulumi_type:
        return written
    return type(name, (Kind,), {"pulumi_type": pulumi_type})


def __getattr__(name: str) -> Any:
    """The generated classes, so that `resources.Server` is enough."""
    return getattr(importlib.import_module(_WRITTEN), name)
