"""Pools, networks and shares of a stack file together with their rows of the catalogue."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kokunai import addressing, catalog, placement
from kokunai.catalog import retirement
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai import model
    from kokunai.contracts import Contract


@dataclass(frozen=True)
class Network:
    """A private network, with the service of its site that makes it."""

    spec: model.Network
    service: catalog.Service
    zone: str | None
    """The provider's own name of the network's zone; None where the provider has no zones."""
    contract: Contract | None = None
    """Given where the network comes with a contract."""

    @property
    def prefix_length(self) -> int:
        """Length of the network mask, 24 for `192.168.10.0/24`."""
        return int(self.spec.cidr.partition("/")[2])


@dataclass(frozen=True)
class Share:
    """A file server, its network and its address."""

    spec: model.Storage
    network: Network
    address: str
    contract: Contract | None = None
    """Given where the share comes with a contract."""

    @property
    def is_there(self) -> bool:
        """Whether nodes can mount it: a share of a contract may be awaited or given back."""
        return self.contract is None or self.contract.is_in_use


@dataclass(frozen=True)
class Pool:
    """A pool, with the offer as which it is bought."""

    spec: model.GpuNodePool
    offer: catalog.Offer
    site: catalog.Site
    gpu: catalog.Gpu
    network: Network | None
    shares: tuple[Share, ...]
    nodes: tuple[addressing.Node, ...]
    contract: Contract | None = None
    """Given where the pool is had by a contract."""

    @functools.cached_property
    def image(self) -> catalog.Image:
        """Its operating system. Raises KokunaiError where the driver has none of this name."""
        return catalog.image(self.spec.image, driver=self.offer.driver)

    @property
    def is_there(self) -> bool:
        """Whether its nodes can be used: a contract may be awaited, over or given back."""
        return self.contract is None or self.contract.is_in_use

    @property
    def is_kept(self) -> bool:
        """Whether servers of an account stay, although their contract may be over."""
        return self.contract is None or self.contract.is_kept


@dataclass(frozen=True)
class Interface:
    """A network interface of a host, as its operating system names it."""

    name: str
    address: str | None = None
    """`192.168.10.11/24` where it is known beforehand."""


def offer_of(pool: model.GpuNodePool) -> catalog.Offer:
    """The offer for a pool's site and GPU.

    Raises KokunaiError when there is not exactly one, or when it has ended.
    """
    offer = catalog.offer(site=pool.site, gpu=pool.gpu, key=pool.offer)
    retirement.refuse_ended(offer, retirement.today())
    return offer


def node_count(pool: model.GpuNodePool) -> int:
    """Servers of a pool, however it is asked for; what it says itself where it has no offer."""
    try:
        return placement.node_count(pool, placement.shape_of(offer_of(pool)))
    except KokunaiError:
        return pool.node_count or 0


_HANDED_OVER = "contract"
"""The driver whose machines come with the addresses that their operator gave them."""


def host_numbers(pool: model.GpuNodePool) -> range:
    """Host numbers that the nodes get in their network; none where they come with addresses."""
    try:
        is_handed_over = offer_of(pool).driver == _HANDED_OVER
    except KokunaiError:
        is_handed_over = False
    count = 0 if is_handed_over else node_count(pool)
    return range(pool.first_host, pool.first_host + count)


def host_number(share: model.Storage) -> range:
    """The host number of a file server, as a range; none where a contract says its address."""
    return range(share.host, share.host + (share.contract is None))


def network(spec: model.Network, zone: str | None, contract: Contract | None = None) -> Network:
    """Look a network up. Raises KokunaiError where its site makes none by API."""
    return Network(spec, service_of(spec), zone, contract)


def service_of(spec: model.Network) -> catalog.Service:
    """What makes the network; one of a contract is handed over, whatever else the site makes.

    Raises KokunaiError where its site makes none by API.
    """
    service = catalog.service(spec.site)
    return service if spec.contract is None else service.model_copy(update={"driver": "contract"})


def share(spec: model.Storage, network: Network, contract: Contract | None = None) -> Share:
    """The share with its network and its address; one of a contract has its server's."""
    handed = contract.share(spec.name) if contract else None
    address = handed.server if handed else addressing.share_address(spec, network.spec)
    return Share(spec, network, address, contract)


def pool(
    spec: model.GpuNodePool,
    offer: catalog.Offer,
    network: Network | None,
    shares: Sequence[Share],
    contract: Contract | None = None,
) -> Pool:
    """Look a pool up, with those shares that are there.

    Raises KokunaiError where the GPU is not in the catalogue.
    """
    count = placement.node_count(spec, placement.shape_of(offer))
    computed = network.spec if network and offer.driver != _HANDED_OVER else None
    return Pool(
        spec=spec,
        offer=offer,
        site=catalog.site(spec.site),
        gpu=catalog.gpu(spec.gpu),
        network=network,
        shares=tuple(share for share in shares if share.is_there),
        nodes=tuple(addressing.nodes(spec, computed, count)),
        contract=contract,
    )
