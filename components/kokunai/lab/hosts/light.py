"""Hosts of kind `light`: a root file system, a network and sshd, for machines without nspawn."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.lab.hosts import launching

if TYPE_CHECKING:
    from kokunai.lab.hosts.names import Names
    from kokunai.lab.machines import Machine

_SCRIPT = Path(__file__).parent / "guest" / "launch_light.sh"
_NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--fork", "--propagation", "private")


class Light:
    """How a light host is launched."""

    kind: str = "light"
    limits: str = (
        "systemd がないため、サービスの管理と再起動はできません。"
        "カーネル共有のため、モジュール、bond、VLAN、net 以外の sysctl、時計は変更できません。"
        "NFS と GPU は模擬です。外部には出られません。"
        " No systemd: services are not managed and a host cannot reboot itself."
        " The kernel is shared: no modules, bonds, VLANs, sysctls outside net, or clock changes;"
        " NFS and GPUs are simulated; hosts have no way out of the machine."
    )
    stop_signal: int = signal.SIGTERM
    has_private_users: bool = False
    _overlay_options = ""

    def __init__(self, names: Names) -> None:
        self._names = names

    def command(self, machine: Machine, directory: Path) -> tuple[str, ...]:
        """A shell as process 1 that starts sshd and waits."""
        shares = [str(share) for share in self._names.shares(machine)]
        arguments = (str(directory), machine.host_name, self._overlay_options, *shares)
        return ("unshare", *_NAMESPACES, "sh", str(_SCRIPT), *arguments)

    def environment(self, server_id: str) -> dict[str, str]:  # noqa: ARG002 - of the protocol
        """No variables: a light host has no control group of its own."""
        return {}

    def wire(self, machine: Machine) -> None:
        """Give the interfaces their addresses, since no networkd runs in the host."""
        launching.configure_addresses(self._names.server(machine.server_id), machine.nics)

    def clean(self, server_id: str) -> None:
        """Nothing to do: the namespaces end with their processes."""
