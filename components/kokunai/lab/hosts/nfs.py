"""Runs the lab's file servers: an address on the switch, and a directory that hosts mount."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.lab import removal
from kokunai.lab.hosts import launching, processes
from kokunai.lab.machines import Nic

if TYPE_CHECKING:
    from kokunai.lab.hosts.names import Names
    from kokunai.lab.hosts.network import Network
    from kokunai.lab.machines import NfsAppliance

_LISTENER = Path(__file__).parent / "guest" / "nfs_listener.py"
_OWNER = "appliance-id"
_NOTICE = """\
SIMULATION (kokunai lab): この共有はラボのディレクトリであり、NFS ではありません。
SIMULATION (kokunai lab): this share is a directory of the lab, not NFS.
"""


class FileServers:
    """The simulated NFS appliances of one lab."""

    def __init__(self, names: Names, network: Network) -> None:
        self._names = names
        self._network = network

    def ensure(self, appliance: NfsAppliance) -> None:
        """Make the share and start its listener unless it runs."""
        namespace = self._names.appliance(appliance.appliance_id)
        self._make_share(appliance)
        if processes.in_namespace(namespace):
            return
        self._clear(appliance.appliance_id)
        self._network.connect(namespace, (_nic(appliance),))
        launching.configure_addresses(namespace, (_nic(appliance),))
        listener = (sys.executable, "-S", "-E", str(_LISTENER), appliance.address)
        mark = self._names.mark(appliance.appliance_id)
        launching.start(namespace, listener, mark=mark, log=self._names.hosts / "nfs.log")

    def remove(self, appliance_id: str) -> None:
        """End it and delete its data; absent is success."""
        self._clear(appliance_id)
        for owner in self._names.hosts.glob(f"nfs/*/*/{_OWNER}"):
            if owner.read_text(encoding="ascii") == appliance_id:
                removal.remove(owner.parent)

    def _clear(self, appliance_id: str) -> None:
        namespace = self._names.appliance(appliance_id)
        processes.end_all(lambda: processes.in_namespace(namespace))
        self._network.disconnect(namespace, [_interface_id(appliance_id)])

    def _make_share(self, appliance: NfsAppliance) -> None:
        directory = self._names.share_directory(appliance.switch_id) / appliance.address
        export = directory / "export"
        if not export.is_dir():
            export.mkdir(parents=True)
            export.chmod(0o777)  # as a new appliance exports it, without root squashing
        (directory / _OWNER).write_text(appliance.appliance_id, encoding="ascii")
        (directory / "SIMULATION.txt").write_text(_NOTICE, encoding="utf-8")


def _interface_id(appliance_id: str) -> str:
    return f"nfs{appliance_id}"


def _nic(appliance: NfsAppliance) -> Nic:
    return Nic(
        interface_id=_interface_id(appliance.appliance_id),
        mac_address="",
        switch_id=appliance.switch_id,
        address=appliance.address,
        prefix_length=appliance.prefix_length,
    )
