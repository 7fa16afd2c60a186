"""Hosts of kind `full`: systemd-nspawn guests, with services that really start and stop."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.lab.hosts import control_groups, private_users

if TYPE_CHECKING:
    from kokunai.lab.hosts.names import Names
    from kokunai.lab.machines import Machine

_SCRIPT = Path(__file__).parent / "guest" / "launch_full.sh"

_PLACE = "/run/systemd/nspawn"
_LIMITS_JA = (
    "カーネル共有のため、モジュール、bond、VLAN、net 以外の sysctl、時計は変更できません。"
    "NFS と GPU は模擬です。外部には出られません。マシンのサービスにも接続できません。"
)
_LIMITS_EN = (
    "The kernel is shared: no modules, bonds, VLANs, sysctls outside net, or clock changes;"
    " NFS and GPUs are simulated; hosts have no way out of the machine"
    " and do not reach its services."
)
_PRIVATE = (
    "ホストの root はマシンでは権限のないユーザーです。",
    "The root of a host is an unprivileged user of the machine.",
)


class Full:
    """How a full host is launched."""

    kind: str = "full"
    stop_signal: int = signal.SIGRTMIN + 4  # systemd's own signal for poweroff.target

    def __init__(self, names: Names) -> None:
        self._names = names

    @property
    def has_private_users(self) -> bool:
        """Whether the root of a host is nobody on the machine."""
        return not private_users.why_not()

    @property
    def limits(self) -> str:
        """What a host cannot do, and what keeps it from the machine."""
        ja, en = _PRIVATE if self.has_private_users else _shared(private_users.why_not())
        return f"{_LIMITS_JA}{ja} {_LIMITS_EN} {en}"

    def command(self, machine: Machine, directory: Path) -> tuple[str, ...]:
        """systemd-nspawn in a mount namespace of its own."""
        unit = f"{self._names.lab}-{machine.server_id}"
        shares = self._names.shares(machine)
        shown = (f"pci={directory / 'pci'}", *(f"nfs/{share.name}={share}" for share in shares))
        binds = (
            f"--bind-ro={_PLACE}/pci:/run/kokunai-lab/pci",
            *(
                f"--bind={_PLACE}/nfs/{share.name}:/run/kokunai-lab/nfs/{share.name}"
                for share in shares
            ),
        )
        separate = ("unshare", "--mount", "--propagation", "private")
        return (*separate, "sh", str(_SCRIPT), str(directory), unit, *shown, "--", *binds)

    def environment(self, server_id: str) -> dict[str, str]:
        """The variables that name the guest's control groups and ids."""
        groups = control_groups.make(self._names.control_group, server_id)
        first = private_users.first_id(self._names.server(server_id))
        return {
            "KOKUNAI_CONTROL_GROUPS": " ".join(str(group) for group in groups),
            "KOKUNAI_FIRST_ID": str(first if self.has_private_users else 0),
            "KOKUNAI_PREPARE": str(private_users.PREPARE),
            "KOKUNAI_PYTHON": sys.executable,
        }

    def wire(self, machine: Machine) -> None:
        """Do nothing: networkd in the host reads the files of the disk configuration."""

    def clean(self, server_id: str) -> None:
        """Remove the guest's control groups."""
        control_groups.remove(self._names.control_group, server_id)


def _shared(reason: str) -> tuple[str, str]:
    ja = (
        f"このカーネルではホストの root はマシンの root です（{reason}）。"
        "信頼できるものだけを動かしてください。"
    )
    en = (
        "Here the root of a host is the root of the machine and not contained, "
        f"so run only what you trust ({reason})."
    )
    return ja, en
