"""Sakura's dedicated servers (PHY): under contract, adopted through the API and never ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from kokunai import catalog
from kokunai.capacity import Host
from kokunai.capacity.terms import Terms, terms_of
from kokunai.errors import KokunaiError, Problem
from kokunai.parts import Data, Link, Part
from kokunai.resolved import Interface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai import model, resolved
    from kokunai.addressing import Node
    from kokunai.catalog import Offer
    from kokunai.contracts.rows import HandedNetwork
    from kokunai.settings import StackSettings

DRIVER = "sakura-phy"
_SERVER = "kokunai:sakura:DedicatedServer"
_CALLS_EACH = 10
"""Calls that a server takes to become a node, and then some."""
_SECONDS_A_CALL = 12
"""300 calls an hour for the whole account."""


class OfferTerms(Terms):
    """How a server of an offer is found in the account, and how it is connected."""

    model: str = ""
    """Words of the name of its plan; left out, the key of its GPU."""
    tag: str = "kokunai"
    """Tag in the control panel of the servers that may be adopted."""
    link_speed: Literal["10gbe", "1gbe"] = "10gbe"
    bonding: Literal["lacp", "static", "single"] = "lacp"
    interface: str = "bond0"
    """What the operating system calls the bond, or the first interface."""
    collective_interface: str = ""
    """Where its nodes reach each other, if not on that interface."""
    reinstall: bool = True
    storage_gib: int = 0
    """Size of its disks; left out, what the shape of the offer says."""


class ImageTerms(Terms):
    """What the API calls an operating system."""

    os_image: str
    """Id of an image, or words of its name."""


class SakuraPhy:
    """The door of the driver `sakura-phy`."""

    def problems(
        self,
        pool: model.GpuNodePool,
        offer: Offer,
        network: model.Network | None,  # noqa: ARG002 - of the protocol
    ) -> Iterator[Problem]:
        """Terms that cannot be read; how many servers are free is known to the API alone."""
        terms_of(offer, OfferTerms)
        terms_of(catalog.image(pool.image, driver=offer.driver), ImageTerms)
        yield from ()

    def shared_parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:  # noqa: ARG002
        """Nothing: keys go into each installation."""
        return []

    def parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """A dedicated server for each node; time enough for the API's limit of calls.

        None before the contract's delivery and after its return. Once it is over they stay as
        they are: a renewal may not be written down yet, and to release them would switch them off.
        """
        if not pool.is_kept:
            return []
        terms, contract = terms_of(pool.offer, OfferTerms), _contract(pool)
        same_for_all = {
            "site": pool.offer.site,
            "labels": settings.labels(pool.offer, pool=pool.spec.name),
            "reinstall": contract.get("reinstall", terms.reinstall),
            "osImage": terms_of(pool.image, ImageTerms).os_image,
            "loginUser": pool.image.login_user,
            "sshPublicKeys": [settings.key.public_key],
            "linkSpeed": terms.link_speed,
            "bonding": terms.bonding,
            "privateNetworkIds": _private_networks(pool),
            "storageGib": terms.storage_gib or _disks_gib(pool.offer),
            "paidUntil": contract.get("paid_until", ""),
        }
        limit = len(pool.nodes) * _CALLS_EACH * _SECONDS_A_CALL
        return [
            Part(
                _SERVER,
                node.name,
                {
                    "name": f"{settings.spec.name}-{node.name}",
                    **chosen,
                    **same_for_all,
                },
                wanted=("address", "hostIdentity"),
                former_name=f"{pool.spec.was}-{node.number}" if pool.spec.was else None,
                timeout_seconds=pool.spec.order_timeout_seconds + limit,
                data=_disks_of(pool, node, chosen),
            )
            for node, chosen in zip(pool.nodes, _chosen(pool, terms, settings), strict=True)
        ]

    def hosts(self, pool: resolved.Pool, settings: StackSettings) -> list[Host]:  # noqa: ARG002
        """The servers by their address on the internet; an installation makes new host keys."""
        return [
            Host(
                node=node.name,
                address=Link(_SERVER, node.name, "address"),
                identity=Link(_SERVER, node.name, "hostIdentity"),
                user=pool.image.login_user,
                interfaces=_interfaces(pool, node),
            )
            for node in (pool.nodes if pool.is_there else ())
        ]

    def collective_interface(self, pool: resolved.Pool) -> str:
        """The private network where the pool has one, else what the offer says, else the bond."""
        terms = terms_of(pool.offer, OfferTerms)
        return _private_interface(pool) or terms.collective_interface or terms.interface


DOOR = SakuraPhy()


def _chosen(
    pool: resolved.Pool, terms: OfferTerms, settings: StackSettings
) -> list[dict[str, Any]]:
    """How each node's server is chosen: by the ids that the contract lists, else by model and tag.

    The order of the list is nothing. What any contract of the stack lists is never taken by model
    and tag. Raises KokunaiError where the contract lists fewer than there are nodes.
    """
    services = sorted(_contract(pool).get("services", ()))
    if pool.contract is None:
        by_model: dict[str, Any] = {
            "model": terms.model or pool.offer.gpu.upper(),
            "tag": terms.tag,
        }
        if named := _named(settings):
            by_model["exceptServices"] = named
        return [by_model for _ in pool.nodes]
    count = len(pool.nodes)
    if len(services) < count:
        raise KokunaiError(
            ja=f"プール {pool.spec.name}: 契約の services は {len(services)} 台ですが、"
            f"node_count は {count} です。services を増やすか、node_count を減らしてください。",
            en=f"pool {pool.spec.name}: the contract lists {len(services)} services, but "
            f"node_count is {count}; list more, or ask for fewer nodes",
        )
    return [{"serviceId": str(service)} for service in services[:count]]


def _named(settings: StackSettings) -> list[str]:
    """Services that the stack's contracts list, as long as they are not given back."""
    here = {offer.key for offer in catalog.offers() if offer.driver == DRIVER}
    rows = [one.row for one in settings.contracts.values() if one.row.offer in here]
    kept = [row for row in rows if row.state != "returned"]
    return sorted({str(service) for row in kept for service in row.services})


def _contract(pool: resolved.Pool) -> dict[str, Any]:
    """What the pool's contract says, where it has one: services, paid_until, reinstall."""
    if pool.contract is None:
        return {}
    row = pool.contract.row
    paid, services = row.paid_until, [str(one) for one in row.services]
    said = {"services": services, "paid_until": paid.isoformat() if paid else ""}
    # A contract forbids an installation unless it allows one.
    return {**said, "reinstall": bool(row.reinstall)}


def _handed_network(pool: resolved.Pool) -> HandedNetwork | None:
    """The pool's private network as its contract hands it over, None without one."""
    network = pool.network
    return network.contract.network(network.spec.name) if network and network.contract else None


def _private_networks(pool: resolved.Pool) -> list[str]:
    handed = _handed_network(pool)
    return [handed.service] if handed and handed.service else []


def _private_interface(pool: resolved.Pool) -> str:
    handed = _handed_network(pool)
    return handed.interface if handed else ""


def _interfaces(pool: resolved.Pool, node: Node) -> tuple[Interface, ...]:
    first = Interface(terms_of(pool.offer, OfferTerms).interface)
    private = _private_interface(pool)
    if not private or node.interface_address is None:
        return (first,)
    return (first, Interface(private, node.interface_address))


def _disks_gib(offer: Offer) -> int:
    """All disks of a server of this shape; 0 where they or their number are not published."""
    shape = catalog.shapes().get(offer.shape or "")
    disks = (shape.local_disks if shape else None) or ()
    if any(disk.count is None for disk in disks):
        return 0
    return sum((disk.count or 0) * disk.size_gib for disk in disks)


def _disks_of(pool: resolved.Pool, node: Node, chosen: dict[str, Any]) -> Data:
    """`chosen` says which server it is: another one has other disks."""
    network = pool.network.spec if pool.network else None
    named = tuple(key for key in ("serviceId", "model") if key in chosen)
    return Data(
        made_of=(*named, "reinstall", "osImage", "storageGib"),
        pool=pool.spec.name,
        network=network.name if network else None,
        network_was=network.was if network else None,
        address=node.address,
        protect=pool.spec.protect,
    )
