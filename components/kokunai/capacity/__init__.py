"""One door for each way capacity is had; everything that is a provider's own stands behind it.

A driver's module holds `DOOR`, an object with the methods of `Capacity`, and of `Networks` where
the driver makes networks and storage. All of them are pure: plain values in, plain values out.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
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
}
"""Module of each driver, imported when an offer names the driver."""


@dataclass(frozen=True)
class Host:
    """A machine that Ansible configures; `address` and `identity` become known when it is made."""

    node: str
    address: str | Link
    identity: str | Link
    """Changes when there is another machine under the same name."""
    user: str
    interfaces: tuple[resolved.Interface, ...]


class Capacity(Protocol):
    """How the servers of one driver's offers are obtained."""

    def problems(
        self, pool: model.GpuNodePool, offer: catalog.Offer, network: model.Network | None
    ) -> Iterator[Problem]:
        """What cannot be had as asked for; paths are fields of the pool."""

    def shared_parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """What pools of a stack share, for example a registered key; equal parts are made once."""

    def parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """What belongs to this pool alone, its servers first."""

    def hosts(self, pool: resolved.Pool, settings: StackSettings) -> list[Host]:
        """The pool's machines, in the order of its nodes."""

    def collective_interface(self, pool: resolved.Pool) -> str:
        """The interface over which the nodes of the pool meet."""


class Networks(Protocol):
    """How the networks and the storage of one driver's service are made."""

    def zone(
        self, network: model.Network, service: catalog.Service, offers: Iterable[catalog.Offer]
    ) -> str | None:
        """Where a network stands whose pools are bought as `offers`. Raises KokunaiError."""

    def network_parts(self, network: resolved.Network, settings: StackSettings) -> list[Part]:
        """The network itself first."""

    def share_parts(self, share: resolved.Share, settings: StackSettings) -> list[Part]:
        """The file server first."""

    def export(self, share: resolved.Share) -> str:
        """The path that the file server exports."""


def door(driver: str) -> Capacity:
    """The door of a driver. Raises KokunaiError where this version has none."""
    return cast("Capacity", _door(driver))


def networks(driver: str) -> Networks:
    """The door of a driver that makes networks. Raises KokunaiError where it makes none."""
    implementation = _door(driver)
    if hasattr(implementation, "network_parts"):
        return cast("Networks", implementation)
    raise KokunaiError(
        ja=f"{driver} ではネットワークとストレージを作れません",
        en=f"{driver} makes no networks and no storage",
    )


def _door(driver: str) -> Any:
    if driver not in DOORS:
        raise KokunaiError(
            ja=f"調達方法 {driver} はこの版にありません。使えるもの: {', '.join(DOORS)}",
            en=f"this version has no driver {driver}; it has: {', '.join(DOORS)}",
        )
    return importlib.import_module(DOORS[driver]).DOOR


def provider_inputs(environment: Mapping[str, str]) -> dict[str, str]:
    """Endpoints as the environment names them, so that rules and reviewers see what is called."""
    stated = {}
    for key, endpoint in facts.packages()["kokunai"].endpoints.items():
        if url := next(
            (environment[name] for name in endpoint.environment if environment.get(name)), None
        ):
            stated[key] = url
    return stated


def secret_inputs() -> tuple[str, ...]:
    """Secret provider inputs of every seller, which are configuration keys of a stack, too."""
    return tuple(key for seller in facts.seller_providers().values() for key in seller.secrets)
