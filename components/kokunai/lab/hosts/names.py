"""Derives the names of everything a lab makes on the machine, so that no record is needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kokunai.lab.machines import Machine
    from kokunai.lab.places import Places

NAMESPACES = Path("/run/netns")
MARK = "KOKUNAI_HOST"
"""Environment variable of the processes that keep a host alive: `<lab id>/<server id>`."""
_INTERFACE_NAME_LIMIT = 15


@dataclass(frozen=True)
class Names:
    """Every name derived from the lab's places and the API's ids."""

    places: Places

    @property
    def lab(self) -> str:
        """Network namespace of the bridges; prefix of all others."""
        return self.places.namespace

    @property
    def uplink(self) -> str:
        """Interface of the machine that reaches the shared segment."""
        return self.places.namespace

    @property
    def control_group(self) -> str:
        """Directory of the lab in every hierarchy of control groups."""
        return f"kokunai-{self.places.lab_id}"

    @property
    def hosts(self) -> Path:
        """Folder of everything that belongs to hosts."""
        return self.places.directory / "hosts"

    def mark(self, server_id: str) -> str:
        """Value of MARK in what belongs to one host."""
        return f"{self.places.lab_id}/{server_id}"

    def server(self, server_id: str) -> str:
        """Network namespace of a server."""
        return f"{self.lab}-{server_id}"

    def appliance(self, appliance_id: str) -> str:
        """Network namespace of a file server."""
        return f"{self.lab}-nfs-{appliance_id}"

    def machine_directory(self, server_id: str) -> Path:
        """Run-time files of a server, removed with it."""
        return self.hosts / "machines" / server_id

    def disk_directory(self, disk_id: str) -> Path:
        """Contents of a disk, kept until it is deleted."""
        return self.hosts / "disks" / disk_id

    def shares(self, machine: Machine) -> list[Path]:
        """Directories of the file servers on the switches of a machine, made if absent."""
        switches = sorted({nic.switch_id for nic in machine.nics if nic.switch_id})
        shares = [self.share_directory(switch_id) for switch_id in switches]
        for share in shares:
            share.mkdir(parents=True, exist_ok=True)
        return shares

    def share_directory(self, switch_id: str) -> Path:
        """Data of the file servers on one switch, a directory per address."""
        return self.hosts / "nfs" / switch_id


def bridge(switch_id: str) -> str:
    """Bridge of a switch."""
    return interface("br", switch_id)


def port(interface_id: str) -> str:
    """The interface in the lab's namespace to which a host's interface is connected."""
    return interface("p", interface_id)


def interface(prefix: str, identifier: str) -> str:
    """An interface name, with a hash where it would exceed the kernel's limit."""
    name = prefix + identifier
    if len(name) <= _INTERFACE_NAME_LIMIT and identifier.isalnum():
        return name
    return prefix + hashlib.sha256(identifier.encode()).hexdigest()[:10]
