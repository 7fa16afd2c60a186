"""The component `GpuNodePool`: identical GPU servers at one site, one resource per node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import capacity, declarations, model, resolved
from kokunai.declarations import told_without_traceback
from kokunai.errors import KokunaiError
from kokunai.settings import StackSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai.network import ClusterNetwork
    from kokunai.parts import Part
    from kokunai.storage import SharedStorage


class GpuNodePool(pulumi.ComponentResource):
    """`node_count` servers of one offer.

    Arguments are the fields of `model.GpuNodePool`, with other components instead of their names.
    Raises KokunaiError, before anything is declared, for what is misspelt, not sold at the site,
    or refused by the domestic-data rules.
    """

    nodes: pulumi.Output[dict[str, Any]]
    """By node: address, private_address, user, pool, site, gpu, offer, seller, operator."""

    def __init__(
        self,
        name: str,
        *,
        site: str,
        gpu: str,
        node_count: int,
        offer: str | None = None,
        network: ClusterNetwork | None = None,
        storage: Sequence[SharedStorage] = (),
        image: str | None = None,
        first_host: int | None = None,
        boot_disk_gib: int | None = None,
        order_timeout_seconds: int | None = None,
        settings: StackSettings | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`site`, `gpu`, `offer`, `image` are keys of the catalogue; defaults are the model's."""
        with told_without_traceback():
            self.settings = _settings(settings, network)
            stack = declarations.of(self.settings)
            given = {
                "name": name,
                "site": site,
                "gpu": gpu,
                "node_count": node_count,
                "offer": offer,
                "network": network.resolved.spec.name if network else None,
                "image": image,
                "first_host": first_host,
                "boot_disk_gib": boot_disk_gib,
                "order_timeout_seconds": order_timeout_seconds,
            }
            spec = stack.checked("pools", model.GpuNodePool, given)
            self.resolved = _resolve(spec, network, storage)
            shared, own = parts_of(self.resolved, self.settings)
            stack.judge([*shared, *own])
        super().__init__("kokunai:index:GpuNodePool", name, None, stack.options(opts))
        self._declare(shared, own)

    def _declare(self, shared: list[Part], own: list[Part]) -> None:
        stack = declarations.of(self.settings)
        stack.declare_shared(shared, stack.provider())
        stack.declare(own, pulumi.ResourceOptions(parent=self))
        self.nodes = _nodes(self.resolved, self.settings)
        self.register_outputs({"nodes": self.nodes})


def _settings(given: StackSettings | None, network: ClusterNetwork | None) -> StackSettings:
    """The given settings, else those of the network, else those of the stack file."""
    if given is not None:
        return given
    return network.settings if network is not None else StackSettings.from_config()


def _resolve(
    spec: model.GpuNodePool, network: ClusterNetwork | None, storage: Sequence[SharedStorage]
) -> resolved.Pool:
    """The pool with its offer, network and shares. Raises KokunaiError for a foreign share."""
    shares = [share.resolved for share in storage]
    joined = network.resolved if network else None
    for share in shares:
        if share.network is not joined:
            raise KokunaiError(
                ja=f'GpuNodePool("{spec.name}").storage: {share.spec.name} は別のネットワーク '
                f"{share.network.spec.name} にあります",
                en=f'GpuNodePool("{spec.name}").storage: {share.spec.name} stands in another '
                f"network, {share.network.spec.name}",
            )
    return resolved.pool(spec, resolved.offer_of(spec), joined, shares)


def parts_of(pool: resolved.Pool, settings: StackSettings) -> tuple[list[Part], list[Part]]:
    """The parts that pools of the stack share, and the parts of this pool alone."""
    door = capacity.door(pool.offer.driver)
    return door.shared_parts(pool, settings), door.parts(pool, settings)


def _nodes(pool: resolved.Pool, settings: StackSettings) -> pulumi.Output[dict[str, Any]]:
    """The facts of all nodes as one output, because Pulumi awaits every output separately."""
    hosts = capacity.door(pool.offer.driver).hosts(pool, settings)
    linked = declarations.of(settings).linked
    addresses = pulumi.Output.all(*[linked(host.address) for host in hosts])

    def described(known: list[str]) -> dict[str, Any]:
        return {
            node.name: {
                "address": address,
                "private_address": node.address,
                "user": host.user,
                "pool": pool.spec.name,
                "site": pool.offer.site,
                "gpu": pool.offer.gpu,
                "offer": pool.offer.key,
                "seller": pool.offer.seller,
                "operator": pool.offer.operator,
            }
            for node, host, address in zip(pool.nodes, hosts, known, strict=True)
        }

    return addresses.apply(described)
