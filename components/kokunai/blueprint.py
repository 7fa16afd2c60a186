"""The whole stack resolved against the catalogue before the first resource is declared."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kokunai import catalog, placement
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from pathlib import Path

    from kokunai import model


@dataclass(frozen=True)
class Key:
    """The stack's SSH key: the path of the private half, the text of the public one."""

    private_key_file: str
    public_key: str

    @property
    def key_id(self) -> str:
        """First 12 hexadecimal digits of the public key's SHA-256: shows a rotation."""
        return hashlib.sha256(self.public_key.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class NetworkPlan:
    """A private network and the provider's zone it stands in."""

    spec: model.Network
    site: catalog.Site
    zone: str


@dataclass(frozen=True)
class SharePlan:
    """A file server, its network and its address."""

    spec: model.Storage
    network: NetworkPlan
    address: str
    export: str = "/export"
    """What the provider's NFS appliance exports."""


@dataclass(frozen=True)
class PoolPlan:
    """A pool with the offer it is bought as."""

    spec: model.GpuNodePool
    offer: catalog.Offer
    site: catalog.Site
    image: catalog.Image
    network: NetworkPlan | None
    nodes: tuple[placement.Node, ...]
    shares: tuple[SharePlan, ...]

    @property
    def gpu(self) -> catalog.Gpu:
        """What the nodes' GPUs are like."""
        return catalog.gpu(self.spec.gpu)


@dataclass(frozen=True)
class Blueprint:
    """Everything the components need, as plain values known in preview."""

    spec: model.Environment
    key: Key
    networks: tuple[NetworkPlan, ...]
    shares: tuple[SharePlan, ...]
    pools: tuple[PoolPlan, ...]

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones with at least one pool, in the order of the stack file."""
        return tuple(dict.fromkeys(pool.offer.zone for pool in self.pools))

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every resource."""
        labels = {"data-class": self.spec.data_class, "environment": self.spec.name}
        return {**labels, "simulated": "true"} if self.spec.lab else labels


def resolve(spec: model.Environment, root: Path) -> Blueprint:
    """Look everything up. Raises KokunaiError; `root` is the folder of Pulumi.yaml."""
    networks = {one.name: _network(one, spec) for one in spec.networks}
    shares = tuple(_share(one, networks[one.network]) for one in spec.storage)
    return Blueprint(
        spec=spec,
        key=_key(spec.access, root),
        networks=tuple(networks.values()),
        shares=shares,
        pools=tuple(_pool(one, networks, shares) for one in spec.pools),
    )


def _network(network: model.Network, spec: model.Environment) -> NetworkPlan:
    site = catalog.site(network.site)
    members = [pool for pool in spec.pools if pool.network == network.name]
    zones = {catalog.offer(site=pool.site, gpu=pool.gpu).zone for pool in members}
    if len(zones) > 1:
        raise KokunaiError(
            ja=f"ネットワーク {network.name} のプールが複数ゾーンにまたがります: {sorted(zones)}",
            en=f"the pools of network {network.name} are sold in several zones: {sorted(zones)}",
        )
    return NetworkPlan(network, site, zones.pop() if zones else site.zones[0])


def _share(share: model.Storage, network: NetworkPlan) -> SharePlan:
    return SharePlan(share, network, placement.share_address(share, network.spec))


def _pool(
    pool: model.GpuNodePool, networks: dict[str, NetworkPlan], shares: tuple[SharePlan, ...]
) -> PoolPlan:
    offer = catalog.offer(site=pool.site, gpu=pool.gpu)
    network = networks[pool.network] if pool.network else None
    return PoolPlan(
        spec=pool,
        offer=offer,
        site=catalog.site(pool.site),
        image=catalog.image(pool.image, driver=offer.driver),
        network=network,
        nodes=tuple(placement.nodes(pool, network.spec if network else None)),
        shares=tuple(one for one in shares if one.network is network),
    )


def _key(access: model.Access, root: Path) -> Key:
    private = root / access.private_key_file
    try:
        public = private.parent.joinpath(f"{private.name}.pub").read_text(encoding="utf-8")
        if private.is_file():
            return Key(access.private_key_file, public.strip())
    except (OSError, ValueError):  # bytes that are no text, a name that is none
        pass
    raise KokunaiError(
        ja=f"SSH 鍵 {access.private_key_file} とその .pub を読めません。"
        f"作るには: ssh-keygen -t ed25519 -f {access.private_key_file}",
        en=f"SSH key {access.private_key_file} and its .pub cannot be read; "
        f"make them with: ssh-keygen -t ed25519 -f {access.private_key_file}",
    )
