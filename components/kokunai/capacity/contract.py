"""Machines, networks and shares that a contract hands over: adopted, checked, never made."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Any, Literal

from kokunai import catalog, placement
from kokunai.capacity import Host
from kokunai.capacity.terms import Terms, terms_of
from kokunai.contracts import pairing
from kokunai.errors import KokunaiError, Problem
from kokunai.parts import Link, Part
from kokunai.resolved import Interface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kokunai import model, resolved
    from kokunai.contracts import Contract
    from kokunai.contracts import Host as Handed
    from kokunai.contracts.rows import HandedNetwork
    from kokunai.settings import StackSettings

DRIVER = pairing.DRIVER
_HOST = "kokunai:contract:Host"
_NETWORK = "kokunai:contract:Network"
_SHARE = "kokunai:contract:Share"


class OfferTerms(Terms):
    """What the offer promises of a machine; what is left out is not compared."""

    architecture: Literal["amd64", "arm64"] | None = None
    cpu_count: int | None = None
    memory_gib: int | None = None
    nvlink_domain_gpus: int | None = None


class ByContract:
    """The door of the driver `contract`; networks and storage come with a contract, too."""

    def problems(
        self,
        pool: model.GpuNodePool,
        offer: catalog.Offer,
        network: model.Network | None,  # noqa: ARG002 - of the protocol
    ) -> Iterator[Problem]:
        """A pool has to say by which contract it is had."""
        terms_of(offer, OfferTerms)
        if pool.contract is None:
            yield Problem(
                "contract",
                f"{offer.key} は契約で調達します。契約ファイルの行のキーを書いてください",
                f"{offer.key} is had by a contract; write the key of its row in a contract file",
            )

    def shared_parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:  # noqa: ARG002
        """Nothing: the operator has put the key onto the machines."""
        return []

    def parts(self, pool: resolved.Pool, settings: StackSettings) -> list[Part]:
        """A host for each node, nothing while the contract is not in use."""
        expected = _expected(pool)
        return [
            Part(
                _HOST,
                node.name,
                {
                    "site": pool.offer.site,
                    "labels": settings.labels(pool.offer, pool=pool.spec.name),
                    **_reached(handed, contract, settings),
                    "expected": expected,
                },
                wanted=("serverId", "owner"),
                former_name=f"{pool.spec.was}-{node.number}" if pool.spec.was else None,
                timeout_seconds=pool.spec.order_timeout_seconds,
            )
            for node, handed, contract in _given(pool)
        ]

    def hosts(self, pool: resolved.Pool, settings: StackSettings) -> list[Host]:  # noqa: ARG002
        """The machines by the address that was handed over."""
        interface = Interface(self.collective_interface(pool)) if pool.is_there else None
        return [
            Host(
                node=node.name,
                address=handed.address,
                identity=Link(_HOST, node.name, "serverId"),
                user=contract.row.user,
                interfaces=(interface,) if interface else (),
                port=handed.port,
                host_key=handed.host_key,
                jump=handed.jump,
                jump_key=handed.jump_key,
                owner=Link(_HOST, node.name, "owner"),
                said={**contract.outputs(), **_said(handed, pool)},
                domain=handed.rack if _is_rack_scale(pool.offer) else None,
            )
            for node, handed, contract in _given(pool)
        ]

    def remarks(self, pool: resolved.Pool) -> Iterator[Problem]:
        """Racks that the pool spans, and trays that are not there."""
        yield from placed(pool).warnings

    def collective_interface(self, pool: resolved.Pool) -> str:
        """The interface of the pool's network, else of the contract's only one.

        Raises KokunaiError where the contract does not tell it.
        """
        if (handed := _meeting(pool)) is not None:
            return handed.interface
        contract = pool.contract
        key = contract.key if contract else ""
        raise KokunaiError(
            ja=f"プール {pool.spec.name} のノードが通信に使うインターフェースが分かりません。"
            f"契約 {key} の networks に書き、プールの network で選んでください",
            en=f"the interface on which the nodes of {pool.spec.name} meet is not known; write it "
            f"under networks of contract {key}, and choose it by the pool's network",
        )

    def collective_network(self, pool: resolved.Pool) -> str | None:
        """The range of the network that has this interface."""
        handed = _meeting(pool)
        return handed.cidr if handed else None

    def zone(
        self, network: model.Network, service: catalog.Service, offers: Iterable[catalog.Offer]
    ) -> None:
        """Contracts know no zones."""

    def network_parts(self, network: resolved.Network, settings: StackSettings) -> list[Part]:
        """The network as the contract describes it; nothing while that is not in use."""
        contract, name = network.contract, network.spec.name
        handed = contract.network(name) if contract else None
        if contract is None or handed is None or not contract.is_in_use:
            return []
        props = {
            **_common(network, contract, settings),
            "name": name,
            "cidr": handed.cidr,
            "access": handed.access,
            "interface": handed.interface,
        }
        return [Part(_NETWORK, name, props, former_name=network.spec.was)]

    def share_parts(self, share: resolved.Share, settings: StackSettings) -> list[Part]:
        """The share as the contract describes it; forgetting it loses nothing of its data."""
        contract, name = share.contract, share.spec.name
        handed = contract.share(name) if contract else None
        if contract is None or handed is None or not contract.is_in_use:
            return []
        props = {
            **_common(share.network, contract, settings),
            "name": name,
            "kind": handed.kind,
            "source": handed.source,
            "sizeGib": share.spec.size_gib,
        }
        return [Part(_SHARE, name, props, former_name=share.spec.was)]

    def export(self, share: resolved.Share) -> str:
        """What the contract's file server exports."""
        handed = share.contract.share(share.spec.name) if share.contract else None
        return handed.path if handed else "/"


DOOR = ByContract()


def _given(pool: resolved.Pool) -> list[tuple[Any, Handed, Contract]]:
    """Each node with its machine, at rack scale by rack and tray."""
    contract = pool.contract
    if contract is None:
        return []
    nodes = {node.number: node for node in pool.nodes}
    return [(nodes[one.number], one.host, contract) for one in placed(pool).nodes]


def _meeting(pool: resolved.Pool) -> HandedNetwork | None:
    """Where the nodes meet: the pool's network, else the contract's only one."""
    network, contract = pool.network, pool.contract
    named = network.contract.network(network.spec.name) if network and network.contract else None
    if named is not None:
        return named
    handed = list(contract.row.networks.values()) if contract else []
    return handed[0] if len(handed) == 1 else None


def _is_rack_scale(offer: catalog.Offer) -> bool:
    """Whether several servers make up an NVLink domain."""
    return (placement.domain_nodes(placement.shape_of(offer)) or 1) > 1


def placed(pool: resolved.Pool) -> placement.Placement[Handed]:
    """Which machines of its contract the pool gets; none while that is not in use."""
    if pool.contract is None or not pool.contract.hosts:
        return placement.Placement()
    shape = placement.shape_of(pool.offer)
    return placement.place(pool.spec, pool.contract.hosts, shape)


def _reached(handed: Handed, contract: Contract, settings: StackSettings) -> dict[str, Any]:
    """Which machine it is, and how it is reached."""
    access, paid = settings.spec.access, contract.row.paid_until
    props = {
        "contract": contract.key,
        "name": handed.name,
        "address": handed.address,
        "port": handed.port,
        "hostKey": handed.host_key,
        "user": contract.row.user,
        "jump": handed.jump,
        "jumpKey": handed.jump_key,
        "rack": handed.rack,
        "tray": handed.tray,
        "bmc": handed.bmc.inputs() if handed.bmc and contract.row.power == "allowed" else None,
        "paidUntil": paid.isoformat() if paid else None,
        "privateKeyFile": settings.key.private_key_file,
        "keyId": settings.key.key_id,
        "sshConfigFile": access.ssh_config,
    }
    return {key: value for key, value in props.items() if value is not None}


def _expected(pool: resolved.Pool) -> dict[str, Any]:
    """What must be in the box, as far as the catalogue and the contract say it."""
    terms, door = terms_of(pool.offer, OfferTerms), ByContract()
    shape = catalog.shapes().get(pool.offer.shape or "")
    expected = {
        "gpuCount": pool.offer.gpu_count,
        "gpuVendorId": pool.gpu.pci_vendor_id,
        "gpuModel": pool.gpu.name,
        "gpuMemoryGib": pool.gpu.memory_gib,
        "architecture": terms.architecture or (shape and shape.arch),
        "cpuCount": terms.cpu_count or (shape and shape.vcpu_count),
        "memoryGib": terms.memory_gib or (shape and shape.ram_gib),
        "nvlinkDomainGpus": terms.nvlink_domain_gpus or (shape and shape.nvlink_domain_gpus),
        "distribution": pool.image.distribution,
        "suite": pool.image.suite,
        "interface": door.collective_interface(pool) if pool.is_there else None,
    }
    return {key: value for key, value in expected.items() if value is not None}


def _said(handed: Handed, pool: resolved.Pool) -> dict[str, Any]:
    """What the outputs say of a machine that was handed over."""
    network = pool.network
    came = network.contract.network(network.spec.name) if network and network.contract else None
    is_inside = network is not None and _is_in(handed.address, network.spec.cidr)
    said = {
        "private_address": handed.address if is_inside else None,
        "access": came.access if came else None,
        "rack": handed.rack,
        "tray": handed.tray,
    }
    return {key: value for key, value in said.items() if key == "private_address" or value}


def _is_in(address: str, cidr: str) -> bool:
    try:
        return IPv4Address(address) in IPv4Network(cidr)
    except AddressValueError:
        return False


def _common(
    network: resolved.Network, contract: Contract, settings: StackSettings
) -> dict[str, Any]:
    """Seller and operator are those of the contract: a site may be sold by several."""
    return {
        "contract": contract.key,
        "site": network.service.site,
        "labels": settings.labels(contract.offer or network.service),
    }
