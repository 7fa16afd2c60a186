"""Machines and LANs of Acme's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.capacity import Host
from kokunai.errors import KokunaiError
from kokunai.parts import Link, Part
from kokunai.resolved import Interface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kokunai import catalog, model, resolved
    from kokunai.errors import Problem
    from kokunai.settings import StackSettings

_MACHINE, _LAN = "kokunai:acme:Machine", "kokunai:acme:Lan"


class Acme:
    """The door of the driver `acme`."""

    def problems(
        self, pool: model.GpuNodePool, offer: catalog.Offer, network: model.Network | None
    ) -> Iterator[Problem]:
        """Nothing can be asked for that Acme does not have."""
        yield from ()

    def zone(
        self, network: model.Network, service: catalog.Service, offers: Iterable[catalog.Offer]
    ) -> None:
        """Acme has no zones."""

    def network_parts(self, network: resolved.Network, settings: StackSettings) -> list[Part]:
        """A LAN."""
        props = {
            "name": f"{settings.spec.name}-{network.spec.name}",
            "site": network.service.site,
            "labels": settings.labels(network.service),
            "cidr": network.spec.cidr,
        }
        return [Part(_LAN, network.spec.name, props)]

    def share_parts(self, share: resolved.Share, settings: StackSettings) -> list[Part]:
        """Acme has no file servers."""
        raise KokunaiError(ja="アクメに NFS はありません", en="Acme has no file servers")

    def export(self, share: resolved.Share) -> str:
        """Never asked for."""
        return "/"

    def shared_parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """Nothing is shared."""
        return []

    def parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """A machine for each node."""
        assert pool.network
        return [
            Part(
                _MACHINE,
                node.name,
                {
                    "name": f"{settings.spec.name}-{node.name}",
                    "site": pool.offer.site,
                    "labels": settings.labels(pool.offer, pool=pool.spec.name),
                    "model": pool.offer.terms["model"],
                    "template": pool.image.terms["template"],
                    "address": node.address,
                    "lanId": Link(_LAN, pool.network.spec.name),
                },
                wanted=("publicAddress",),
            )
            for node in pool.nodes
        ]

    def hosts(self, pool: resolved.Pool, settings: StackSettings) -> list[Host]:
        """The machines by their public address."""
        return [
            Host(
                node.name,
                Link(_MACHINE, node.name, "publicAddress"),
                Link(_MACHINE, node.name),
                pool.image.login_user,
                (Interface("ens3"), Interface("ens4", node.interface_address)),
            )
            for node in pool.nodes
        ]

    def collective_interface(self, pool: resolved.Pool) -> str:
        """The LAN."""
        return "ens4"


DOOR = Acme()
