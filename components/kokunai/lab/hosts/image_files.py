"""Adds to the shared root the files beyond its packages, such as labelled stand-in tools."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

_GUEST = Path(__file__).parent / "guest"
_UNITS = "etc/systemd/system"
# Units that cannot work in a namespace or that would call hosts on the internet.
_MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer auth-rpcgss-module.service console-getty.service"
    " dpkg-db-backup.timer e2scrub_all.timer fstrim.timer getty@tty1.service nfs-client.target"
    " rpc-gssd.service rpc-statd-notify.service rpc-statd.service rpcbind.service rpcbind.socket"
    " run-rpc_pipefs.mount systemd-pstore.service"
)
_LIBRARY = "/lib/systemd/system"
_ENABLED = {
    "multi-user.target.wants/systemd-networkd.service": f"{_LIBRARY}/systemd-networkd.service",
    "multi-user.target.wants/kokunai-lab-startup.service": "../kokunai-lab-startup.service",
    "local-fs.target.wants/sys-bus-pci.mount": "../sys-bus-pci.mount",
}
_TEXTS = {
    f"{_UNITS}/sys-bus-pci.mount": """\
# SIMULATION (kokunai lab): shows the simulated PCI bus in place of the machine's own.
[Unit]
Description=Simulated PCI bus
DefaultDependencies=no
ConditionPathExists=/run/kokunai-lab/pci
Before=local-fs.target

[Mount]
What=/run/kokunai-lab/pci
Where=/sys/bus/pci
Type=none
Options=bind,ro
""",
    f"{_UNITS}/kokunai-lab-startup.service": """\
# Runs the startup scripts that the API gave, once in the life of the disk.
[Unit]
Description=Startup scripts of the server
ConditionDirectoryNotEmpty=/var/lib/kokunai-lab/startup
ConditionPathExists=!/var/lib/kokunai-lab/startup.done
After=network.target ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/usr/bin/touch /var/lib/kokunai-lab/startup.done
ExecStart=/bin/sh -c 'for script in /var/lib/kokunai-lab/startup/*; do "$script"; done'
""",
    f"{_UNITS}/chrony.service.d/kokunai-lab.conf": """\
# SIMULATION (kokunai lab): a host may not set the machine's clock; chronyd runs without it.
[Unit]
ConditionCapability=

[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x
""",
    "etc/hostname": "localhost\n",
    "etc/resolv.conf": "# SIMULATION (kokunai lab): no way out, hence no name server.\n",
    "etc/machine-id": "",
}


def digest() -> str:
    """Digest of everything written here, so that a cached root of an older version is not used."""
    text = repr((_MASKED, _ENABLED, _TEXTS)) + (_GUEST / "mount_nfs.sh").read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def finish(root: Path) -> None:
    """Complete a freshly unpacked root."""
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for path, text in _TEXTS.items():
        _write(root / path, text)
    for name in _MASKED.split():
        _link(root / _UNITS / name, "/dev/null")
    for name, target in _ENABLED.items():
        _link(root / _UNITS / name, target)
    shutil.copy(_GUEST / "mount_nfs.sh", root / "sbin/mount.nfs.kokunai-lab")
    (root / "sbin/mount.nfs.kokunai-lab").chmod(0o755)
    for name in ("mount.nfs", "mount.nfs4"):
        _link(root / "sbin" / name, "mount.nfs.kokunai-lab")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)


def _link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
