"""Composes the files that turn the shared root into a particular host; disk.py writes them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.lab.hosts import hardware

if TYPE_CHECKING:
    from kokunai.lab.machines import Machine, Nic

NVIDIA_SMI = "usr/local/bin/nvidia-smi"
UNAME = "usr/local/bin/uname"
_UNAME = """if [ "$*" = -m ]; then echo ARCHITECTURE; else exec /usr/bin/uname "$@"; fi
"""
STARTUP = "var/lib/kokunai-lab/startup"
_GUEST = Path(__file__).parent / "guest"
_MOTD = (
    "\n*** SIMULATION: kokunai のラボの模擬ホストです。実機ではありません。 ***\n"
    "*** SIMULATION: a simulated host of the kokunai lab, not a real server. ***\n\n"
)


@dataclass(frozen=True)
class File:
    """Text and mode of one file."""

    content: str
    mode: int = 0o644


Files = dict[str, File]
"""Path relative to the root of the host -> file."""


def digest(machine: Machine) -> str:
    """Digest of the disk configuration: name, keys, password and addresses."""
    wires = [(nic.address, nic.prefix_length, nic.gateway) for nic in machine.nics]
    keys = machine.ssh_public_keys
    account = (machine.login_user, machine.password_hash, machine.password_login)
    values = (machine.host_name, keys, *account, wires)
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def configured(machine: Machine, shadow: str, passwd: str) -> Files:
    """Files of the provider's disk configuration.

    `shadow` and `passwd` are the host's present files in /etc.
    """
    keys = "".join(f"{key.strip()}\n" for key in machine.ssh_public_keys)
    name = machine.host_name
    files = {
        "etc/hostname": File(f"{name}\n"),
        "etc/hosts": File(f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n"),
        "root/.ssh/authorized_keys": File(keys, 0o600),
        "etc/ssh/sshd_config.d/50-kokunai-lab.conf": File(_sshd(machine)),
        "etc/shadow": File(_with_root_password(shadow, machine.password_hash), 0o640),
    }
    if machine.login_user != "root":
        files |= _login_user(machine.login_user, files["etc/shadow"].content, passwd)
    for number, nic in enumerate(machine.nics):
        if nic.address:
            path = f"etc/systemd/network/10-kokunai-lab-{nic.named(number)}.network"
            files[path] = File(_network(number, nic))
    return files


def first_boot(machine: Machine, machine_id: str) -> Files:
    """Files that a new disk gets once."""
    files = {"etc/machine-id": File(f"{machine_id}\n", 0o444), "etc/motd": File(_MOTD)}
    for number, script in enumerate(machine.startup_scripts):
        files[f"{STARTUP}/{number:02d}"] = File(script, 0o700)
    return files


def labels(machine: Machine) -> Files:
    """Files that mark the host as simulated, and the tools that stand in for its hardware's."""
    files = {"etc/kokunai-simulation": File(_label(machine))}
    if machine.architecture:
        text = f"#!/bin/sh\n# SIMULATION (kokunai lab)\n{_UNAME}"
        files[UNAME] = File(text.replace("ARCHITECTURE", machine.architecture), 0o755)
    if machine.gpu and machine.gpu.has_tools:
        tool = (_GUEST / "nvidia_smi.py").read_text(encoding="utf-8")
        files[NVIDIA_SMI] = File(tool, 0o755)
    return files


def _login_user(name: str, shadow: str, passwd: str) -> Files:
    """The image's own user as another name of root, which works in every kind of host."""
    lines = {
        "etc/passwd": (passwd, f"{name}:x:0:0:SIMULATION (another name of root):/root:/bin/bash\n"),
        "etc/shadow": (shadow, f"{name}:*:19000:0:99999:7:::\n"),
    }
    return {
        path: File(
            text if f"\n{name}:" in text else text + line, 0o640 if "shadow" in path else 0o644
        )
        for path, (text, line) in lines.items()
    }


def _label(machine: Machine) -> str:
    lines = [
        "# SIMULATION: this host and its hardware are simulated by the kokunai lab.",
        f"server: {machine.server_id}",
    ]
    if machine.architecture:
        lines.append(f"architecture: {machine.architecture}")
    if machine.rack:
        lines.append(f"rack: {machine.rack}")
    if machine.image and not machine.image.startswith("Debian"):
        lines.append(f"# The image is {machine.image}; what runs is the lab's Debian 12.")
    if machine.login_user != "root":
        lines.append(f"# {machine.login_user} is another name of root here.")
    if machine.partition_uuid:
        lines.append(f"partition_uuid: {machine.partition_uuid}")
    if machine.gpu:
        lines += [
            f"gpu_count: {machine.gpu.count}",
            f"gpu_model: {machine.gpu.model}",
            f"gpu_product: {machine.gpu.product_name}",
        ]
        buses = enumerate(hardware.addresses(machine.gpu))
        lines += [f"gpu_bus_{index}: {address}" for index, address in buses]
    return "\n".join(lines) + "\n"


def _sshd(machine: Machine) -> str:
    password = "yes" if machine.password_login else "no"
    root = "yes" if machine.password_login else "prohibit-password"
    return f"PasswordAuthentication {password}\nPermitRootLogin {root}\nUseDNS no\n"


def _with_root_password(shadow: str, password_hash: str) -> str:
    lines = [line.split(":") for line in shadow.splitlines()]
    for fields in lines:
        if fields[0] == "root":
            fields[1] = password_hash or "*"
    return "".join(":".join(fields) + "\n" for fields in lines)


def _network(number: int, nic: Nic) -> str:
    gateway = f"Gateway={nic.gateway}\n" if nic.gateway else ""
    return (
        f"[Match]\nName={nic.named(number)}\n\n[Network]\n"
        f"Address={nic.address}/{nic.prefix_length}\n{gateway}LinkLocalAddressing=no\n"
    )


def describe(machine: Machine) -> str:
    """The machine as JSON without secrets, for the lab's directory."""
    values = asdict(machine)
    values.pop("password_hash")
    values.pop("startup_scripts")
    return json.dumps(values, indent=2, ensure_ascii=False)
