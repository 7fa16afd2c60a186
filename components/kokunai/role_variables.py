"""Computes the variables of the roles: one pure function per role, matching its argument_specs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import TYPE_CHECKING, Any

from kokunai import nccl as collective
from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kokunai.catalog.platforms import Platform

SESSION_LIMITS = (
    # RDMA registers (pins) the buffers of a job; the default of a few MiB stops it at start.
    {"domain": "*", "type": "-", "item": "memlock", "value": "unlimited"},
    {"domain": "root", "type": "-", "item": "memlock", "value": "unlimited"},
    # One socket per peer and channel: 1024 files end a job of a few hundred GPUs.
    {"domain": "*", "type": "-", "item": "nofile", "value": "1048576"},
    {"domain": "root", "type": "-", "item": "nofile", "value": "1048576"},
)

KERNEL_PARAMETERS = {
    # Every rank connects to rank 0 at once when a job starts.
    "net.core.somaxconn": "4096",
    # The kernel's page migration stalls threads that feed GPUs (NCCL user guide, troubleshooting).
    "kernel.numa_balancing": "0",
}


@dataclass(frozen=True)
class Share:
    """A directory of a file server that every node of the pool mounts."""

    name: str
    """Host name of the file server."""
    address: str
    export: str
    """The path that the server exports."""
    mount: str
    """Where the nodes mount it."""


@dataclass(frozen=True)
class OpenPort:
    """A port or a range of ports that some networks may reach."""

    protocol: str
    ports: str
    """For example `443` or `8000-8010`."""
    allow_from: tuple[str, ...]


@dataclass(frozen=True)
class PoolFacts:
    """Everything about a pool that the functions of the roles may use."""

    platform: Platform
    ntp_servers: tuple[str, ...]
    """Host names; without a default, because the catalogue says which servers are domestic."""
    gpu_count: int
    """GPUs of each node; 0 for nodes without."""
    gpu_vendor_id: str
    """PCI vendor of the GPUs in hexadecimal digits, for example 10de; empty without GPUs."""
    collective_interface: str
    """Interface on which the nodes of the pool meet, for example eth1."""
    dns_servers: tuple[str, ...] = ()
    """Empty keeps those of the image."""
    package_sources: tuple[Mapping[str, Any], ...] = ()
    """Each has uri, suites, components and signed_by; if any is given, nodes use no others."""
    package_holds: tuple[str, ...] = ()
    """Name patterns of packages that must not be upgraded."""
    shares: tuple[Share, ...] = ()
    firewall: bool = False
    """Whether the nodes filter what comes in."""
    ssh_from: tuple[str, ...] = ()
    """Networks that may reach SSH."""
    open_ports: tuple[OpenPort, ...] = ()
    private_networks: tuple[str, ...] = ()
    """Networks of the collective interface, from which everything may come in."""


def base(facts: PoolFacts) -> dict[str, Any]:
    """Time, names, packages, limits and kernel parameters."""
    return {
        "base_ntp_servers": list(facts.ntp_servers),
        "base_dns_servers": list(facts.dns_servers),
        "base_package_sources": [dict(source) for source in facts.package_sources],
        # Given sources replace those of the image, which may lead abroad.
        "base_package_sources_exclusive": bool(facts.package_sources),
        "base_package_holds": list(facts.package_holds),
        "base_storage_servers": [
            {"name": share.name, "address": share.address} for share in facts.shares
        ],
        "base_session_limits": [dict(limit) for limit in SESSION_LIMITS],
        "base_kernel_parameters": dict(KERNEL_PARAMETERS),
    }


CONTAINER_INTERFACES = (
    # Docker, whose bridges are `br-` and twelve hexadecimal digits, and Podman; libvirt.
    *("docker0", "docker_gwbridge", *(f"br-{digit}*" for digit in "0123456789abcdef")),
    *("podman*", "virbr*"),
    # Kubernetes: the plugins flannel, Calico, Cilium and Antrea, and bridges by the CNI's default.
    *("cni*", "flannel*", "cali*", "tunl*", "vxlan.calico", "cilium*", "lxc*", "antrea*", "veth*"),
)
"""Where packets of a host's own containers come in.

On the host those that lead outside although they bear such a name are told apart, and stay shut.
"""


def firewall(facts: PoolFacts) -> dict[str, Any]:
    """What comes in from outside; overlapping networks become one, as nftables wants it."""
    ports = [
        {"protocol": row.protocol, "ports": row.ports, "allow_from": _merged(row.allow_from)}
        for row in facts.open_ports
    ]
    return {
        "firewall_enabled": facts.firewall,
        "firewall_ssh_from": _merged(facts.ssh_from),
        "firewall_open_ports": ports,
        "firewall_private_interface": facts.collective_interface,
        "firewall_private_networks": _merged(facts.private_networks),
        "firewall_container_interfaces": list(CONTAINER_INTERFACES),
    }


def _merged(networks: Iterable[str]) -> list[str]:
    return [str(one) for one in collapse_addresses(map(IPv4Network, networks))]


def nccl(facts: PoolFacts) -> dict[str, Any]:
    """The collective library's settings. Raises KokunaiError naming those it would misread."""
    settings = collective.environment(facts.collective_interface)
    if problems := collective.problems(settings):
        raise KokunaiError(
            ja="\n".join(f"{problem.path}: {problem.ja}" for problem in problems),
            en="\n".join(f"{problem.path}: {problem.en}" for problem in problems),
        )
    return {
        "nccl_settings_file": facts.platform.collective_settings_file,
        "nccl_environment": settings,
    }


def storage_client(facts: PoolFacts) -> dict[str, Any]:
    """One mount for each share, with the unit's name, which systemd derives from the path."""
    mounts = [
        {**_mount(share), "options": "", "unit": mount_unit(share.mount)} for share in facts.shares
    ]
    return {"storage_client_mounts": mounts}


def verify(facts: PoolFacts) -> dict[str, Any]:
    """What each node must show when it is verified."""
    return {
        "verify_mounts": [_mount(share) for share in facts.shares],
        "verify_firewall": facts.firewall and "firewall" in facts.platform.roles,
        "verify_kernel_parameters": dict(KERNEL_PARAMETERS),
        "verify_expected_gpu_count": facts.gpu_count,
        "verify_expected_gpu_vendor_id": facts.gpu_vendor_id,
        "verify_expected_driver_version": facts.platform.driver_version,
        "verify_nccl_bandwidth_threshold_gbps": facts.platform.nccl_bandwidth_threshold_gbps,
    }


ROLES: dict[str, Callable[[PoolFacts], dict[str, Any]]] = {
    "base": base,
    "firewall": firewall,
    "nccl": nccl,
    "storage_client": storage_client,
    "verify": verify,
}
"""The variables of each role; a new role is one more line."""


def pool_variables(facts: PoolFacts) -> dict[str, Any]:
    """Variables of one pool: `kokunai_roles`, the roles of its platform, and what each needs."""
    roles = facts.platform.roles
    merged = {name: value for role in roles for name, value in ROLES[role](facts).items()}
    return {"kokunai_roles": list(roles), **merged}


def node_variables(
    *,
    host_name: str,
    addresses: Iterable[Mapping[str, str]] = (),
    imex_nodes: Iterable[Any] = (),
) -> dict[str, Any]:
    """Variables of one host; `addresses` are those of the second and later interfaces.

    Each is {interface: eth1, address: 192.168.10.11/24}. Only `imex_nodes`, the addresses of the
    nodes in one rack, names peers, so that a node added to the pool leaves the variables of the
    others, and with them their digests, as they are; there those of its own rack change.
    The plugin fills in `base_owner` where nothing but the host can say whose it is.
    """
    given = [dict(address) for address in addresses]
    return {
        "base_host_name": host_name,
        "base_addresses": given,
        "base_owner": "",
        "verify_host_name": host_name,
        "verify_addresses": given,
        **({"imex_nodes": members} if (members := list(imex_nodes)) else {}),
    }


def _mount(share: Share) -> dict[str, str]:
    return {"server": share.address, "export": share.export, "path": share.mount}


def mount_unit(path: str) -> str:
    """Name of the systemd unit that mounts `path`, as `systemd-escape --path` writes it."""
    parts = [part for part in path.split("/") if part]
    escaped = [_escape(part, first=number == 0) for number, part in enumerate(parts)]
    return ("-".join(escaped) or "-") + ".mount"


def _escape(part: str, *, first: bool) -> str:
    escaped = re.sub(
        r"[^A-Za-z0-9:_.]",
        lambda match: "".join(f"\\x{byte:02x}" for byte in match[0].encode()),
        part,
    )
    return "\\x2e" + escaped[1:] if first and escaped.startswith(".") else escaped
