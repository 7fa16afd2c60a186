"""Hosts of kind `full`: systemd-nspawn guests, with services that really start and stop."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.lab.hosts import control_groups

if TYPE_CHECKING:
    from kokunai.lab.hosts.names import Names
    from kokunai.lab.machines import Machine

_SCRIPT = Path(__file__).parent / "guest" / "launch_full.sh"


class Full:
    """How a full host is launched."""

    kind: str = "full"
    limits: str = (
        "カーネル共有のため、モジュール、bond、VLAN、net 以外の sysctl、時計は変更できません。"
        "NFS と GPU は模擬です。外部には出られません。"
        " The kernel is shared: no modules, bonds, VLANs, sysctls outside net, or clock changes;"
        " NFS and GPUs are simulated; hosts have no way out of the machine."
    )
    stop_signal: int = signal.SIGRTMIN + 4  # systemd's own signal for poweroff.target

    def __init__(self, names: Names) -> None:
        self._names = names

    def command(self, machine: Machine, directory: Path) -> tuple[str, ...]:
        """systemd-nspawn in a mount namespace of its own."""
        unit = f"{self._names.lab}-{machine.server_id}"
        shares = self._names.shares(machine)
        binds = (
            f"--bind-ro={_escaped(directory / 'pci')}:/run/kokunai-lab/pci",
            *(f"--bind={_escaped(share)}:/run/kokunai-lab/nfs/{share.name}" for share in shares),
        )
        separate = ("unshare", "--mount", "--propagation", "private")
        return (*separate, "sh", str(_SCRIPT), str(directory), unit, *binds)

    def environment(self, server_id: str) -> dict[str, str]:
        """The variables that name the guest's control groups."""
        groups = control_groups.make(self._names.control_group, server_id)
        return {"KOKUNAI_CONTROL_GROUPS": " ".join(str(group) for group in groups)}

    def wire(self, machine: Machine) -> None:
        """Do nothing: networkd in the host reads the files of the disk configuration."""

    def clean(self, server_id: str) -> None:
        """Remove the guest's control groups."""
        control_groups.remove(self._names.control_group, server_id)


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace(":", "\\:")
