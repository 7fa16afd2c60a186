"""Variables of a pool and of a host, as the roles' argument_specs declare them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


def pool_variables(
    *,
    ntp_servers: Sequence[str],
    expected_gpu_count: int,
    expected_gpu_vendor_id: str,
    collective_environment: Mapping[str, str],
    collective_configuration_file: str = "/etc/nccl.conf",
    dns_servers: Sequence[str] = (),
    package_sources: Iterable[Mapping[str, Any]] = (),
    package_sources_exclusive: bool = False,
    package_holds: Sequence[str] = (),
    storage_servers: Iterable[Mapping[str, str]] = (),
    nfs_mounts: Iterable[Mapping[str, str]] = (),
    kernel_parameters: Mapping[str, str] | None = None,
    session_limits: Iterable[Mapping[str, str]] | None = None,
    expected_driver_version: str = "",
    nccl_bandwidth_threshold_gbps: float = 0,
) -> dict[str, Any]:
    """Group variables of one pool; every setting is explained in the roles' argument_specs.yml.

    `ntp_servers` has no default: which servers are domestic is the catalogue's to say.
    """
    return {
        "ntp_servers": list(ntp_servers),
        "dns_servers": list(dns_servers),
        "package_sources": [dict(one) for one in package_sources],
        "package_sources_exclusive": package_sources_exclusive,
        "package_holds": list(package_holds),
        "storage_servers": [dict(one) for one in storage_servers],
        "session_limits": [dict(one) for one in (session_limits or SESSION_LIMITS)],
        "kernel_parameters": dict(kernel_parameters or KERNEL_PARAMETERS),
        "collective_configuration_file": collective_configuration_file,
        "collective_environment": dict(collective_environment),
        "nfs_mounts": [_mount(one) for one in nfs_mounts],
        "expected_gpu_count": expected_gpu_count,
        "expected_gpu_vendor_id": expected_gpu_vendor_id,
        "expected_driver_version": expected_driver_version,
        "nccl_bandwidth_threshold_gbps": nccl_bandwidth_threshold_gbps,
    }


def node_variables(
    *, host_name: str, addresses: Iterable[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """Variables of one host; `addresses` are those of the second and later interfaces.

    Each is {interface: eth1, address: 192.168.10.11/24}. Nothing here names a peer, so that a
    node added to the pool leaves the others' variables, and with them their digests, as they are.
    """
    return {"node_name": host_name, "node_addresses": [dict(one) for one in addresses]}


def _mount(mount: Mapping[str, str]) -> dict[str, str]:
    """Add the unit's name, which systemd derives from the path and nobody may choose."""
    return {"options": "", **mount, "unit": mount_unit(mount["path"])}


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
