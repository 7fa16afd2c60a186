"""The interface to the drivers, which hold all that differs between the providers of capacity.

The module of a driver has a constant `DOOR`: an object with the methods of `Capacity`, and those
of `Networks` where the driver makes networks and storage. The methods only compute: they take and
return plain values, call no API and declare nothing to Pulumi.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from kokunai.catalog import facts
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kokunai import catalog, model, resolved
    from kokunai.errors import Problem
    from kokunai.parts import Link, Part
    from kokunai.settings import StackSettings

DOORS = {
    "sakura-iaas": "kokunai.capacity.sakura_iaas",
    "sakura-phy": "kokunai.capacity.sakura_phy",
    "contract": "kokunai.capacity.contract",
    "contract-slurm": "kokunai.capacity.contract_slurm",
}
"""The module of each driver, which is imported when an offer names the driver."""


@dataclass(frozen=True)
class Host:
    """A machine that Ansible configures; a `Link` stands for what is known once it is created."""

    node: str
    address: str | Link
    identity: str | Link
    """Another value means that another machine has the same name; its host key is then new."""
    user: str
    interfaces: tuple[resolved.Interface, ...]
    disk_config_id: str | Link | None = None
    """Another value means that the provider wrote the machine's own files anew, such as
    /etc/hosts; None where it never does."""
    host_key: str | Link | None = None
    """The SSH host key that the first login must find, for example `ssh-ed25519 AAAA...`; None
    where the provider tells none."""
    port: int = 22
    jump: str | None = None
    """`user@host[:port]` through which the address is reached."""
    jump_key: str | None = None
    """The jump host's own key, where it is known."""
    owner: Link | None = None
    """The owner id that is written onto the machine, where nothing but the machine can hold it."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """What the outputs say of this node beside, or instead of, what they say of every node."""
    domain: str | None = None
    """The rack where the nodes of one share an NVLink domain; None where each is its own."""


@dataclass(frozen=True)
class Asked:
    """What a stack file asks of one driver; rows by their index in the file."""

    access: model.Access | None
    """None where it has mistakes of its own."""
    pools: Mapping[int, model.GpuNodePool]
    shares: Mapping[int, model.Storage]


class Capacity(Protocol):
    """How one driver obtains the servers of its offers."""

    def problems(
        self, pool: model.GpuNodePool, offer: catalog.Offer, network: model.Network | None
    ) -> Iterator[Problem]:
        """What the driver cannot provide as the pool asks for it; paths start at the pool."""

    def shared_parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """Parts that several pools share, such as a registered key; equal ones are made once."""

    def parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """Parts that belong to this pool alone, its servers first."""

    def hosts(self, pool: resolved.Pool, settings: StackSettings) -> list[Host]:
        """The pool's machines, in the order of its nodes."""

    def collective_interface(self, pool: resolved.Pool) -> str:
        """The interface on which the nodes of the pool reach each other, for example `eth1`."""


class Networks(Protocol):
    """How one driver makes the networks and the storage of its service."""

    def zone(
        self, network: model.Network, service: catalog.Service, offers: Iterable[catalog.Offer]
    ) -> str | None:
        """The zone for a network whose pools are bought as `offers`; None without zones.

        Raises KokunaiError when no zone serves all of them.
        """

    def network_parts(self, network: resolved.Network, settings: StackSettings) -> list[Part]:
        """Parts of a network, the network itself first."""

    def share_parts(self, share: resolved.Share, settings: StackSettings) -> list[Part]:
        """Parts of a share, the file server first."""

    def export(self, share: resolved.Share) -> str:
        """The path that the file server exports."""


class Buckets(Protocol):
    """How one driver makes the object storage of its service; not every driver has this."""

    def bucket_parts(
        self, bucket: model.Bucket, service: catalog.Service, settings: StackSettings
    ) -> list[Part]:
        """Parts of a bucket, the bucket itself first."""

    def bucket_zone(self, service: catalog.Service) -> str:
        """Where buckets of the service are. Raises KokunaiError where its site has none."""


class Remarking(Protocol):
    """A driver that has something to say of a pool that it does provide."""

    def remarks(self, pool: resolved.Pool) -> Iterator[Problem]:
        """What a person should know of the machines that the pool gets."""


def remarks(pool: resolved.Pool) -> Iterator[Problem]:
    """What the pool's driver has to say of it, nothing where it never has."""
    implementation = _door(pool.offer.driver)
    if hasattr(implementation, "remarks"):
        yield from cast("Remarking", implementation).remarks(pool)


class Meeting(Protocol):
    """A driver whose nodes may meet in a network that the pool does not name."""

    def collective_network(self, pool: resolved.Pool) -> str | None:
        """The range of the network of the collective interface, None where it is not known."""


def collective_network(pool: resolved.Pool) -> str | None:
    """The range in which the nodes of a pool meet, None where they have no private network."""
    implementation = _door(pool.offer.driver)
    if hasattr(implementation, "collective_network"):
        return cast("Meeting", implementation).collective_network(pool)
    return pool.network.spec.cidr if pool.network else None


class Managed(Protocol):
    """A driver whose machines somebody else installs and configures: they are only verified."""

    def verified(self, pool: resolved.Pool) -> dict[str, Link]:
        """Verdicts by name, in place of those of a configuration."""


def managed(driver: str) -> Managed | None:
    """The driver where its machines are configured by somebody else, else None."""
    implementation = _door(driver)
    return cast("Managed", implementation) if hasattr(implementation, "verified") else None


class Limited(Protocol):
    """A driver whose API refuses more than single rows show; not every driver has this."""

    def limits(self, asked: Asked) -> Iterator[Problem]:
        """What the API would refuse of the whole file; paths start at its environment."""


def limits(driver: str, asked: Asked) -> Iterator[Problem]:
    """What the API of a driver would refuse, nothing where the driver tells no limits."""
    implementation = _door(driver)
    if hasattr(implementation, "limits"):
        yield from cast("Limited", implementation).limits(asked)


def door(driver: str) -> Capacity:
    """The driver of this name. Raises KokunaiError where this version has no such driver."""
    return cast("Capacity", _door(driver))


def networks(driver: str) -> Networks:
    """The driver of this name for networks. Raises KokunaiError where it makes none."""
    implementation = _door(driver)
    if hasattr(implementation, "network_parts"):
        return cast("Networks", implementation)
    raise KokunaiError(
        ja=f"{driver} ではネットワークとストレージを作れません",
        en=f"{driver} makes no networks and no storage",
    )


def buckets(driver: str) -> Buckets:
    """The driver of this name for object storage. Raises KokunaiError where it makes none."""
    implementation = _door(driver)
    if hasattr(implementation, "bucket_parts"):
        return cast("Buckets", implementation)
    raise KokunaiError(ja=f"{driver} ではバケットを作れません", en=f"{driver} makes no buckets")


def _door(driver: str) -> Any:
    if driver not in DOORS:
        raise KokunaiError(
            ja=f"調達方法 {driver} はこのバージョンにありません。使えるもの: {', '.join(DOORS)}",
            en=f"this version has no driver {driver}; it has: {', '.join(DOORS)}",
        )
    return importlib.import_module(DOORS[driver]).DOOR


def provider_inputs(environment: Mapping[str, str]) -> dict[str, str]:
    """The endpoints that the environment sets, else those of the sellers, by provider input.

    They are declared as inputs, so that the rules and a preview show which host is called, and a
    refresh or a destroy, which run no program, ask the API that has the resources.
    """
    stated = {}
    endpoints = facts.packages()["kokunai"].endpoints
    for key, endpoint in endpoints.items():
        named = (environment[name] for name in endpoint.environment if environment.get(name))
        if url := next(named, endpoint.url):
            stated[key] = url
    for key, endpoint in endpoints.items():
        if key not in stated and endpoint.beside in stated:
            stated[key] = endpoint.at(stated[endpoint.beside])
    return stated


def missing_credentials(
    pulumi_types: Iterable[str], secrets: Iterable[str], environment: Mapping[str, str]
) -> list[str]:
    """What is needed to call the sellers of these kinds, and neither configured nor exported.

    Each entry names the variable and the configuration key, for example
    `SAKURA_ACCESS_TOKEN (kokunai:sakuraAccessToken)`.
    """
    called = {kind.split(":")[1] for kind in pulumi_types}
    return [
        f"{variables[0]} (kokunai:{key})"
        for seller, provider in facts.seller_providers().items()
        if seller in called
        for key, variables in provider.secrets.items()
        if key not in set(secrets) and not any(environment.get(name) for name in variables)
    ]


def secret_inputs() -> tuple[str, ...]:
    """Secret provider inputs of all sellers, which a stack file may set under the same keys."""
    return tuple(key for seller in facts.seller_providers().values() for key in seller.secrets)
