"""The component `SharedStorage`: a file share on a private network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pulumi

from kokunai import capacity, declarations, model, resolved
from kokunai.network import ClusterNetwork, shared_settings
from kokunai.program_errors import expect, told_without_traceback

if TYPE_CHECKING:
    from kokunai.parts import Link, Part
    from kokunai.settings import StackSettings


class SharedStorage(pulumi.ComponentResource):
    """A file server on a private network; the pools that name it mount its share.

    Arguments are the fields of `model.Storage`. Raises KokunaiError, before anything is declared,
    for what is misspelt, does not fit the network, or is refused by the domestic-data rules.
    """

    address: str
    """IPv4 address of the file server in its network."""

    def __init__(
        self,
        name: str,
        *,
        network: ClusterNetwork,
        size_gib: int,
        mount: str,
        disk: Literal["ssd", "hdd"] = "ssd",
        host: int | None = None,
        contract: str | None = None,
        was: str | None = None,
        protect: bool | None = None,
        settings: StackSettings | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`size_gib` in GiB, `mount` a path on the nodes, `host` a host number in the network."""
        with told_without_traceback():
            expect(network, ClusterNetwork, f'SharedStorage("{name}").network')
            self.settings = shared_settings(settings, network)
            stack = declarations.of(self.settings)
            given = {"name": name, "network": network.resolved.spec.name, "size_gib": size_gib}
            given |= {"mount": mount, "disk": disk, "host": host, "contract": contract}
            given |= {"was": was, "protect": protect}
            spec = stack.checked("storage", model.Storage, given)
            handed = self.settings.contract(spec.contract)
            self.resolved = resolved.share(spec, network.resolved, handed)
            stack.judge(parts := parts_of(self.resolved, self.settings))
            merged = stack.options(opts, was)
        stack.accept("storage", spec)
        super().__init__("kokunai:index:SharedStorage", name, None, merged)
        stack.declare(parts, pulumi.ResourceOptions(parent=self))
        self.address = self.resolved.address
        self.register_outputs({"address": self.address})


def parts_of(share: resolved.Share, settings: StackSettings) -> list[Part]:
    """What will be declared, the file server first."""
    return capacity.networks(share.network.service.driver).share_parts(share, settings)


def link(share: resolved.Share, settings: StackSettings) -> Link:
    """The id of the file server once it is declared."""
    return parts_of(share, settings)[0].link()
