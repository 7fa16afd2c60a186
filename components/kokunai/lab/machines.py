"""The contract between the emulated APIs and the hosts of the lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

HOST_KINDS = ("full", "light", "rootless", "none")
"""Kinds of hosts, best first; `none` is an API without hosts."""


@dataclass(frozen=True)
class FilterRule:
    """A stateless rule for packets to the server; the first matching rule decides."""

    protocol: str
    """tcp, udp, icmp, fragment, ip, http or https."""
    action: str
    """allow or deny."""
    source_network: str = ""
    """Address, network or `first-last`; empty is any."""
    source_port: str = ""
    """`22`, `32768-61000` or empty for any."""
    destination_port: str = ""


@dataclass(frozen=True)
class Nic:
    """One network interface: eth0, eth1 ... in the order of the list, unless it has a name."""

    interface_id: str
    mac_address: str
    switch_id: str
    """12 digits, or `shared` for the shared segment."""
    address: str = ""
    """Configured at boot; empty leaves the interface without one, as the provider does."""
    prefix_length: int = 24
    gateway: str = ""
    filter_rules: tuple[FilterRule, ...] | None = None
    """None without a packet filter; an empty tuple is a filter that lets everything pass."""
    name: str = ""
    """What the host calls it where it is no ethN, for example bond0."""

    def named(self, number: int) -> str:
        """Its name in the host, for the place that it has in the list."""
        return self.name or f"eth{number}"


@dataclass(frozen=True)
class Gpu:
    """Simulated GPUs: what the PCI bus of the host shows."""

    model: str
    """Model as the API names it, for example nvidia_h100_80gbvram."""
    product_name: str
    vendor_id: str
    device_id: str
    pci_class: str
    count: int
    has_tools: bool = True
    """Whether a stand-in for the vendor's tool is installed."""


@dataclass(frozen=True)
class Machine:
    """A server as it must be when it is on."""

    server_id: str
    """12 digits; part of the names of everything this host has on the machine."""
    disk_id: str
    """The boot disk, whose contents survive a power-off; a new id means a new file system."""
    host_name: str
    nics: tuple[Nic, ...]
    ssh_public_keys: tuple[str, ...]
    password_hash: str = ""
    """crypt(3) hash for root, or empty for a locked password."""
    password_login: bool = False
    startup_scripts: tuple[str, ...] = ()
    """Run once at the first boot of the disk, in order."""
    gpu: Gpu | None = None
    image: str = ""
    """Name of the archive that the boot disk was copied from."""
    partition_uuid: str = ""
    """Given where the disk configuration asked for a new one; shown in the host's label."""
    login_user: str = "root"
    """Who logs in with the keys, as the image would have it."""
    architecture: str = ""
    """What `uname -m` says on the host, simulated; empty is the truth."""
    rack: str = ""
    """Rack whose hosts form one simulated NVLink domain."""


@dataclass(frozen=True)
class NfsAppliance:
    """A file server on a switch."""

    appliance_id: str
    switch_id: str
    address: str
    prefix_length: int
    size_gib: int


class Machines(Protocol):
    """Hosts, switches and file servers of one lab; the calls block and may be repeated.

    They raise KokunaiError for what the machine refuses.
    """

    kind: str
    """One of HOST_KINDS."""

    @property
    def limits(self) -> str:
        """One line, Japanese then English: what this kind cannot do."""

    def ensure_switch(self, switch_id: str) -> None:
        """Make the layer-2 segment of a switch."""

    def remove_switch(self, switch_id: str) -> None:
        """Remove it; absent is success."""

    def boot(self, machine: Machine) -> None:
        """Switch a host on and wait until its init runs; already running is success."""

    def power_off(self, server_id: str, *, force: bool) -> None:
        """Switch a host off, cleanly unless `force`, and wait until none of its processes runs."""

    def set_filter(
        self, server_id: str, interface_id: str, rules: tuple[FilterRule, ...] | None
    ) -> None:
        """Enforce the rules on the host's link at once."""

    def remove_machine(self, server_id: str) -> None:
        """Remove links and run-time files; absent is success."""

    def remove_disk(self, disk_id: str) -> None:
        """Remove a disk's contents; absent is success."""

    def host_key(self, disk_id: str) -> str:
        """Public SSH host key on a disk, `ssh-ed25519 AAAA...`; empty before the first boot."""

    def ensure_nfs(self, appliance: NfsAppliance) -> None:
        """Start a file server."""

    def remove_nfs(self, appliance_id: str) -> None:
        """Stop it and remove its data; absent is success."""

    def running(self) -> set[str]:
        """Ids of the servers that are on, found on the machine and not in a file."""

    def tear_down(self) -> None:
        """Remove every process, namespace, mount and interface of this lab, whatever its state."""


class NoMachines:
    """Implements Machines without hosts: remembers which servers are on."""

    kind = "none"
    limits = "ホストは起動しません（API のみ）。 No hosts are started (API only)."

    def __init__(self) -> None:
        self._on: set[str] = set()

    def ensure_switch(self, switch_id: str) -> None: ...
    def remove_switch(self, switch_id: str) -> None: ...

    def boot(self, machine: Machine) -> None:
        self._on.add(machine.server_id)

    def power_off(self, server_id: str, *, force: bool) -> None:  # noqa: ARG002 - of the protocol
        self._on.discard(server_id)

    def set_filter(
        self, server_id: str, interface_id: str, rules: tuple[FilterRule, ...] | None
    ) -> None: ...
    def remove_machine(self, server_id: str) -> None: ...
    def remove_disk(self, disk_id: str) -> None: ...

    def host_key(self, disk_id: str) -> str:  # noqa: ARG002 - of the protocol
        return ""

    def ensure_nfs(self, appliance: NfsAppliance) -> None: ...
    def remove_nfs(self, appliance_id: str) -> None: ...

    def running(self) -> set[str]:
        return set(self._on)

    def tear_down(self) -> None:
        self._on.clear()
