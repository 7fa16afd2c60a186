"""Starts processes that outlive the lab's daemon, in a host's network namespace."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from kokunai.lab.hosts.names import MARK, NAMESPACES
from kokunai.lab.hosts.shell import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kokunai.lab.machines import Nic


def start(
    namespace: str,
    command: tuple[str, ...],
    *,
    mark: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start `command` detached: in its own session and without the caller's environment."""
    given = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", MARK: mark}
    wrapped = ("setsid", "--fork", "nsenter", f"--net={NAMESPACES / namespace}", *command)
    with log.open("ab") as output:
        subprocess.run(
            wrapped,
            env=given | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            check=True,
        )


def configure_addresses(namespace: str, nics: tuple[Nic, ...]) -> None:
    """Set the addresses of a host's interfaces from outside, for hosts without networkd."""
    lines = ["link set lo up"]
    for number, nic in enumerate(nics):
        if nic.address:
            lines += [
                f"address replace {nic.address}/{nic.prefix_length} dev {nic.named(number)}",
                f"link set {nic.named(number)} up",
            ]
        if nic.address and nic.gateway:
            lines.append(f"route replace default via {nic.gateway}")
    run("ip", "-n", namespace, "-batch", "-", text="\n".join(lines))
