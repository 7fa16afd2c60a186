"""Servers, networks and file servers of Sakura's IaaS API, made by API and billed by the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai import catalog
from kokunai.capacity import Host, sakura_limits
from kokunai.capacity.terms import Terms, terms_of
from kokunai.errors import KokunaiError, Problem
from kokunai.parts import Data, Link, Part
from kokunai.resolved import Interface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kokunai import model, resolved
    from kokunai.addressing import Node
    from kokunai.capacity import Asked
    from kokunai.catalog import Offer, Service
    from kokunai.settings import StackSettings

DRIVER = "sakura-iaas"
_SERVER = "kokunai:sakura:Server"
_SWITCH = "kokunai:sakura:Switch"
_PACKET_FILTER = "kokunai:sakura:PacketFilter"
_SSH_KEY = "kokunai:sakura:SshKey"
_NFS = "kokunai:sakura:Nfs"
_BUCKET = "kokunai:sakura:Bucket"
_OWNER = "kokunai:index:Owner"
# The order of a server's interfaces: the shared segment first, then the private network.
_SHARED_INTERFACE, _PRIVATE_INTERFACE = "eth0", "eth1"
_EXPORT = "/export"
# Linux' own range of outgoing ports; the filter is stateless, so replies need a rule.
_EPHEMERAL_PORTS = "32768-60999"
_DNS, _NTP, _SSH = "53", "123", "22"


class OfferTerms(Terms):
    """What the API has to know of an offer."""

    zone: str
    cpu_count: int
    memory_gib: int
    gpu_model: str
    commitment: str
    generation: int


class ServiceTerms(Terms):
    """What the API has to know of networks and storage at a site."""

    zone: str
    """Where a network stands that no pool is in."""


class ImageTerms(Terms):
    """What the API calls an operating system."""

    archive: str
    """Name of an archive, or a tag that its newest version has."""
    startup_script: str = ""
    """Run once as root, at the first boot."""


class SakuraIaas:
    """The door of the driver `sakura-iaas`; makes networks and storage, too."""

    def problems(
        self, pool: model.GpuNodePool, offer: Offer, network: model.Network | None
    ) -> Iterator[Problem]:
        """A private network reaches the servers of one zone only."""
        zone = terms_of(offer, OfferTerms).zone
        if network is not None and network.zone not in {None, zone}:
            yield Problem(
                "network",
                f"{network.name} はゾーン {network.zone} にありますが、{offer.key} は "
                f"{zone} で販売されています",
                f"{network.name} stands in zone {network.zone}, but {offer.key} is sold in {zone}",
            )
        if pool.image and (image := catalog.image(pool.image, driver=offer.driver)):
            terms_of(image, ImageTerms)

    def limits(self, asked: Asked) -> Iterator[Problem]:
        """Rules of the packet filter, and sizes of disks and file servers."""
        return sakura_limits.problems(asked, sakura_limits.limits_of(DRIVER), len(_FIXED_RULES))

    def zone(self, network: model.Network, service: Service, offers: Iterable[Offer]) -> str:
        """The network's own zone, else that of its pools, else the one where GPUs are sold."""
        zones = {terms_of(offer, OfferTerms).zone for offer in offers}
        if network.zone is not None:
            return network.zone
        if len(zones) > 1:
            names = ", ".join(sorted(zones))
            raise KokunaiError(
                ja=f"ネットワーク {network.name} のプールが複数ゾーンにまたがります: {names}",
                en=f"the pools of network {network.name} are sold in several zones: {names}",
            )
        return zones.pop() if zones else terms_of(service, ServiceTerms).zone

    def network_parts(self, network: resolved.Network, settings: StackSettings) -> list[Part]:
        """A switch."""
        props = _common(network, network.spec.name, settings)
        return [Part(_SWITCH, network.spec.name, props, former_name=network.spec.was)]

    def share_parts(self, share: resolved.Share, settings: StackSettings) -> list[Part]:
        """An NFS appliance on the switch of its network."""
        props = {
            **_common(share.network, share.spec.name, settings),
            "plan": share.spec.disk,
            "sizeGib": share.spec.size_gib,
            "address": share.address,
            "prefixLength": share.network.prefix_length,
            "switchId": Link(_SWITCH, share.network.spec.name),
        }
        data = Data(
            made_of=("zone", "plan", "sizeGib", "address", "prefixLength"),
            network=share.network.spec.name,
            network_was=share.network.spec.was,
            address=share.address,
            protect=share.spec.protect,
        )
        return [Part(_NFS, share.spec.name, props, former_name=share.spec.was, data=data)]

    def export(self, share: resolved.Share) -> str:  # noqa: ARG002 - the same for all of them
        """What every NFS appliance exports."""
        return _EXPORT

    def bucket_zone(self, service: Service) -> str:
        """The place of the object storage in the data centre."""
        zones = catalog.site(service.site).storage_zones
        if zones:
            return zones[0]
        with_storage = [key for key, site in catalog.sites().items() if site.storage_zones]
        raise KokunaiError(
            ja=f"{service.site} にオブジェクトストレージはありません。"
            f"使えるもの: {', '.join(with_storage)}",
            en=f"{service.site} has no object storage; available: {', '.join(with_storage)}",
        )

    def bucket_parts(
        self, bucket: model.Bucket, service: Service, settings: StackSettings
    ) -> list[Part]:
        """A bucket with its key."""
        props = {
            "name": bucket.bucket or f"{settings.spec.name}-{bucket.name}",
            "zone": self.bucket_zone(service),
            "site": service.site,
            "labels": settings.labels(service),
            "endpoint": bucket.endpoint or "",
            "keyVersion": bucket.key_version,
        }
        if bucket.versioning is not None:
            props["versioning"] = bucket.versioning
        data = Data(made_of=("name", "zone"), protect=bucket.protect)
        return [Part(_BUCKET, bucket.name, props, former_name=bucket.was, data=data)]

    def shared_parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """The registered key, and the packet filter of the zone."""
        return [_ssh_key(settings), _packet_filter(pool, settings)]

    def parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """A server for each node."""
        [ssh_key, packet_filter] = self.shared_parts(pool, settings)
        terms = terms_of(pool.offer, OfferTerms)
        same_for_all = {
            "zone": terms.zone,
            "site": pool.offer.site,
            "labels": settings.labels(pool.offer, pool=pool.spec.name),
            "plan": _plan(pool.offer, terms),
            "disks": [_boot_disk(pool)],
            "sshKeyIds": [ssh_key.link()],
            "hostKeySeed": Link(_OWNER, settings.spec.name, "hostKeySeed"),
        }
        if script := terms_of(pool.image, ImageTerms).startup_script:
            same_for_all["startupScript"] = script
        return [
            Part(
                _SERVER,
                node.name,
                {
                    "name": f"{settings.spec.name}-{node.name}",
                    "hostName": f"{settings.spec.name}-{node.name}",
                    **same_for_all,
                    "nics": _interfaces(pool, node, packet_filter.link()),
                },
                wanted=("serverId", "address", "configDigest", "hostKey"),
                former_name=f"{pool.spec.was}-{node.number}" if pool.spec.was else None,
                timeout_seconds=pool.spec.order_timeout_seconds,
                data=_disks_of(pool, node),
            )
            for node in pool.nodes
        ]

    def hosts(self, pool: resolved.Pool, settings: StackSettings) -> list[Host]:  # noqa: ARG002
        """The servers by their address on the shared segment."""
        return [
            Host(
                node=node.name,
                address=Link(_SERVER, node.name, "address"),
                identity=Link(_SERVER, node.name, "serverId"),
                user=pool.image.login_user,
                interfaces=_host_interfaces(node),
                disk_config_id=Link(_SERVER, node.name, "configDigest"),
                host_key=Link(_SERVER, node.name, "hostKey"),
            )
            for node in pool.nodes
        ]

    def collective_interface(self, pool: resolved.Pool) -> str:
        """The private network where there is one."""
        return _PRIVATE_INTERFACE if pool.network else _SHARED_INTERFACE


DOOR = SakuraIaas()


def _common(network: resolved.Network, name: str, settings: StackSettings) -> dict[str, Any]:
    """Inputs of everything that stands in a network's zone."""
    return {
        "name": f"{settings.spec.name}-{name}",
        "zone": network.zone,
        "site": network.service.site,
        "labels": settings.labels(network.service),
    }


def _ssh_key(settings: StackSettings) -> Part:
    """Keys belong to the account, so the first service says where the API is asked for them."""
    service = _account_service()
    props = {
        "name": settings.spec.name,
        "publicKey": settings.key.public_key,
        "zone": terms_of(service, ServiceTerms).zone,
        "site": service.site,
        "labels": settings.labels(service),
    }
    return Part(_SSH_KEY, settings.spec.name, props)


def _account_service() -> Service:
    found = next((row for row in catalog.services() if row.driver == DRIVER), None)
    if found is None:
        raise KokunaiError(
            ja=f"カタログに {DRIVER} のサービス（services）がありません",
            en=f"the catalogue has no service of {DRIVER}",
        )
    return found


def _packet_filter(pool: resolved.Pool, settings: StackSettings) -> Part:
    zone, service = terms_of(pool.offer, OfferTerms).zone, catalog.service(pool.offer.site)
    name = f"{settings.spec.name}-{zone}"
    props = {
        "name": name,
        "zone": zone,
        "site": service.site,
        "labels": settings.labels(service),
        "rules": ingress_rules(settings.spec.access),
    }
    # Two stacks of settings may share a program, so the zone alone would name two filters.
    return Part(_PACKET_FILTER, name, props, former_name=zone)


def ingress_rules(access: model.Access) -> list[dict[str, str]]:
    """What the stack file opens, replies to what a node asked itself, and nothing else.

    The filter keeps no state: whoever writes to a reply's port gets through, asked or not.
    """
    ssh = [_rule("tcp", "ssh", sourceNetwork=one, destinationPort=_SSH) for one in access.ssh_from]
    others = [
        _rule(row.protocol, "open port", sourceNetwork=one, destinationPort=_ports(row))
        for row in access.open_ports
        for one in row.allow_from
    ]
    return [*ssh, *others, *_FIXED_RULES]


def _ports(row: model.OpenPort) -> str:
    is_range = row.last_port not in {None, row.port}
    return f"{row.port}-{row.last_port}" if is_range else str(row.port)


def _rule(protocol: str, description: str, **where: str) -> dict[str, str]:
    return {"protocol": protocol, "action": "allow", "description": description, **where}


_FIXED_RULES = (
    _rule("tcp", "replies", destinationPort=_EPHEMERAL_PORTS),
    _rule("udp", "DNS replies", sourcePort=_DNS, destinationPort=_EPHEMERAL_PORTS),
    _rule("udp", "NTP replies", sourcePort=_NTP, destinationPort=_EPHEMERAL_PORTS),
    _rule("icmp", "path MTU and ping"),
    _rule("fragment", "fragments of the above"),
    {"protocol": "ip", "action": "deny", "description": "everything else"},
)


def _plan(offer: Offer, terms: OfferTerms) -> dict[str, Any]:
    return {
        "cpuCount": terms.cpu_count,
        "memoryGib": terms.memory_gib,
        "gpuCount": offer.gpu_count,
        "gpuModel": terms.gpu_model,
        "commitment": terms.commitment,
        "generation": terms.generation,
    }


def _boot_disk(pool: resolved.Pool) -> dict[str, Any]:
    archive = terms_of(pool.image, ImageTerms).archive
    return {"sizeGib": pool.spec.boot_disk_gib, "plan": "ssd", "image": archive}


def _disks_of(pool: resolved.Pool, node: Node) -> Data:
    network = pool.network.spec if pool.network else None
    return Data(
        made_of=("zone", "disks"),
        pool=pool.spec.name,
        network=network.name if network else None,
        network_was=network.was if network else None,
        address=node.address,
        protect=pool.spec.protect,
    )


def _interfaces(pool: resolved.Pool, node: Node, packet_filter: Link) -> list[dict[str, Any]]:
    shared = {"switchId": "shared", "packetFilterId": packet_filter}
    if pool.network is None:
        return [shared]
    private = {
        "switchId": Link(_SWITCH, pool.network.spec.name),
        "address": node.address,
        "prefixLength": node.prefix_length,
    }
    return [shared, private]


def _host_interfaces(node: Node) -> tuple[Interface, ...]:
    shared = Interface(_SHARED_INTERFACE)
    if node.interface_address is None:
        return (shared,)
    return (shared, Interface(_PRIVATE_INTERFACE, node.interface_address))
