"""Identical GPU servers at one site, one resource a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import capacity, cost, declarations, model, pool_offer, resolved
from kokunai.catalog import retirement
from kokunai.errors import KokunaiError
from kokunai.language import worded
from kokunai.network import ClusterNetwork, shared_settings
from kokunai.program_errors import expect, told_without_traceback
from kokunai.storage import SharedStorage

if TYPE_CHECKING:
    from datetime import date

    from kokunai import catalog
    from kokunai.contracts import Contract
    from kokunai.parts import Part
    from kokunai.settings import StackSettings


_FIELDS = frozenset(model.GpuNodePool.model_fields)


class GpuNodePool(pulumi.ComponentResource):
    """Servers of one offer: `node_count` of them, or those that hold `gpus` or `nvlink_domains`.

    Arguments are the fields of `model.GpuNodePool`, with other components instead of their names.
    Raises KokunaiError, before anything is declared, for what is misspelt, not sold at the site,
    or refused by the domestic-data rules.
    """

    nodes: pulumi.Output[dict[str, Any]]
    """By node: address, private_address, user, pool, site, gpu, offer, seller, operator; domain,
    its rack, where several nodes share an NVLink domain; for a contract also its key, state and
    dates, its price and how the network is reached."""
    offer: dict[str, Any]
    """How the pool was bought, as `pool_offer.described` says: one map, whatever the nodes."""
    contract: dict[str, Any]
    """The contract as it stands: its key, state, offer and dates; empty without one."""

    def __init__(
        self,
        name: str,
        *,
        site: str,
        gpu: str,
        node_count: int | None = None,
        gpus: int | None = None,
        nvlink_domains: int | None = None,
        offer: str | None = None,
        network: ClusterNetwork | None = None,
        storage: Sequence[SharedStorage] = (),
        image: str | None = None,
        first_host: int | None = None,
        boot_disk_gib: int | None = None,
        order_timeout_seconds: int | None = None,
        contract: str | None = None,
        was: str | None = None,
        protect: bool | None = None,
        settings: StackSettings | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`site`, `gpu`, `offer`, `image` are keys of the catalogue; defaults are the model's."""
        # Arguments are fields of the model by name; other components stand in for their names.
        given = {key: value for key, value in locals().items() if key in _FIELDS}
        with told_without_traceback():
            _expect_components(name, network, storage)
            given["network"] = network.resolved.spec.name if network else None
            self.settings = shared_settings(settings, network)
            stack = declarations.of(self.settings)
            spec = stack.checked("pools", model.GpuNodePool, given)
            handed = self.settings.contract(spec.contract)
            self.resolved = _resolve(spec, network, storage, handed)
            shared, own = parts_of(self.resolved, self.settings)
            stack.judge([*shared, *own])
            merged = stack.options(opts, was)
        stack.accept("pools", spec)
        super().__init__("kokunai:index:GpuNodePool", name, None, merged)
        self._declare(shared, own)

    def _declare(self, shared: list[Part], parts: list[Part]) -> None:
        stack = declarations.of(self.settings)
        stack.declare_shared(shared, stack.provider())
        stack.declare(parts, pulumi.ResourceOptions(parent=self))
        self.nodes = _nodes(self.resolved, self.settings)
        self.contract = _told(self.resolved)
        self.offer = pool_offer.described(self.resolved, *_own_terms(self.resolved, self.settings))
        said = {"contract": self.contract} if self.contract else {}
        self.register_outputs({"nodes": self.nodes, "offer": self.offer, **said})
        _warn_of_end(self.resolved.offer, self)


def _own_terms(pool: resolved.Pool, settings: StackSettings) -> tuple[cost.Own | None, date | None]:
    """The user's own price, and until when a contract is paid for."""
    if pool.contract is not None:
        row = pool.contract.row
        told = row.price.model_dump() if row.price else {}
        return cost.of_contract(told, row.term_months, row.server_count), row.paid_until
    price = settings.prices.get(pool.offer.key)
    return (price.own if price else None), None


def _warn_of_end(offer: catalog.Offer, resource: pulumi.Resource) -> None:
    """A preview says what ends within a year."""
    said = retirement.warning(offer, retirement.today())
    if said and pulumi.runtime.is_dry_run():
        pulumi.log.warn(worded(*said), resource)


def _expect_components(name: str, network: Any, storage: Any) -> None:
    """What other components are named by must be those components."""
    if network is not None:
        expect(network, ClusterNetwork, f'GpuNodePool("{name}").network')
    expect(storage, Sequence, f'GpuNodePool("{name}").storage')
    for index, share in enumerate(storage):
        expect(share, SharedStorage, f'GpuNodePool("{name}").storage[{index}]')


def _resolve(
    spec: model.GpuNodePool,
    network: ClusterNetwork | None,
    storage: Sequence[SharedStorage],
    contract: Contract | None,
) -> resolved.Pool:
    """The pool with its offer, its network and its shares, which must stand in that network."""
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
    return resolved.pool(spec, resolved.offer_of(spec), joined, shares, contract)


def parts_of(pool: resolved.Pool, settings: StackSettings) -> tuple[list[Part], list[Part]]:
    """What pools of the stack share, and what is this pool's own."""
    door = capacity.door(pool.offer.driver)
    return door.shared_parts(pool, settings), door.parts(pool, settings)


def _told(pool: resolved.Pool) -> dict[str, Any]:
    """Tell a person how far the pool's contract has come, and return it as plain values."""
    for remark in capacity.remarks(pool):
        name = pool.spec.name
        pulumi.log.warn(worded(f"プール {name}: {remark.ja}", f"pool {name}: {remark.en}"))
    if pool.contract is None:
        return {}
    if notice := pool.contract.notice(pool.spec.name):
        ja, en, is_warning = notice
        (pulumi.log.warn if is_warning else pulumi.log.info)(worded(ja, en))
    return pool.contract.outputs()


def _nodes(pool: resolved.Pool, settings: StackSettings) -> pulumi.Output[dict[str, Any]]:
    """One output for the whole pool: Pulumi waits for each output by itself."""
    hosts = capacity.door(pool.offer.driver).hosts(pool, settings)
    linked = declarations.of(settings).linked
    addresses = pulumi.Output.all(*[linked(host.address) for host in hosts])
    nodes = {node.name: node for node in pool.nodes}

    def described(known: list[str]) -> dict[str, Any]:
        return {
            host.node: {
                "address": address,
                "private_address": nodes[host.node].address,
                "user": host.user,
                "pool": pool.spec.name,
                "site": pool.offer.site,
                "gpu": pool.offer.gpu,
                "offer": pool.offer.key,
                "seller": pool.offer.seller,
                "operator": pool.offer.operator,
                **({"domain": host.domain} if host.domain is not None else {}),
                **host.said,
            }
            for host, address in zip(hosts, known, strict=True)
        }

    return addresses.apply(described)
