"""Derives a lab's names, ports and addresses from its directory, so that labs do not collide."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Reserved for tests between network devices and never routed (RFC 2544, RFC 6890).
_TEST_RANGE = ipaddress.IPv4Network("198.18.0.0/15")
_FIRST_PORT = 20_000
_PORT_COUNT = 10_000


@dataclass(frozen=True)
class Places:
    """The paths, names and addresses of a lab; another `slot` gives other ports and addresses."""

    directory: Path
    slot: int = 0

    @property
    def lab_id(self) -> str:
        """Six hexadecimal digits of the directory's path; part of every name on the machine."""
        return hashlib.sha256(str(self.directory.resolve()).encode()).hexdigest()[:6]

    @property
    def _number(self) -> int:
        return int(self.lab_id, 16) + self.slot * 7919

    @property
    def port(self) -> int:
        """TCP port of the emulator on 127.0.0.1."""
        return _FIRST_PORT + self._number % _PORT_COUNT

    @property
    def url(self) -> str:
        """Address of the emulators, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def shared_network(self) -> ipaddress.IPv4Network:
        """The /24 of the shared segment: .1 the edge, .2 this machine, servers from .11."""
        first = int(_TEST_RANGE.network_address) + (self._number % 512) * 256
        return ipaddress.IPv4Network((first, 24))

    @property
    def gateway(self) -> str:
        """Default route of the hosts: a gateway that answers "unreachable" at once."""
        return str(self.shared_network[1])

    @property
    def machine_address(self) -> str:
        """This machine on the shared segment."""
        return str(self.shared_network[2])

    @property
    def namespace(self) -> str:
        """Network namespace that holds every bridge of this lab."""
        return f"kk{self.lab_id}"

    @property
    def stores(self) -> Path:
        """Folder of the emulators' stores."""
        return self.directory / "stores"

    def store(self, emulator: str) -> Path:
        """SQLite file with all that one emulator remembers."""
        return self.stores / f"{emulator}.sqlite"

    @property
    def log(self) -> Path:
        """What the daemon logs."""
        return self.directory / "lab.log"

    @property
    def pid_file(self) -> Path:
        """Names the daemon's process while it runs."""
        return self.directory / "lab.pid"
