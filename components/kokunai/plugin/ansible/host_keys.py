"""SSH host keys: which are recorded for a host, and whether the host still answers with them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from kokunai.plugin.ansible.places import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kokunai.plugin.ansible.request import Host
    from kokunai.plugin.kind import Props

_PATIENCE_SECONDS = "5"


def keys_of(host: Host, lines: Iterable[str]) -> list[str]:
    """The lines of known_hosts that belong to the host."""
    return [line for line in lines if line.split(" ", 1)[0] == host.known_as]


def known_keys(hosts: Iterable[Host], state: Props) -> dict[str, list[str]]:
    """Recorded keys of hosts that still are the same server, by host name."""
    keys, results = state.get("hostKeys") or {}, state.get("results") or {}
    return {
        host.name: keys[host.name]
        for host in hosts
        if keys.get(host.name) and results.get(host.name, {}).get("serverId") == host.server_id
    }


async def rekeyed(hosts: Iterable[Host], known: Mapping[str, list[str]]) -> set[str]:
    """Names of hosts that answer with another key than the recorded one; without silent hosts."""
    by_port: dict[int, list[Host]] = defaultdict(list)
    for host in hosts:
        if known.get(host.name):
            by_port[host.port].append(host)
    scans = [_scan(port, group) for port, group in by_port.items()]
    shown = [line for lines in await asyncio.gather(*scans) for line in lines]
    return {
        host.name
        for group in by_port.values()
        for host in group
        if _differs(host, known[host.name], shown)
    }


async def _scan(port: int, hosts: list[Host]) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        "ssh-keyscan",
        *("-T", _PATIENCE_SECONDS, "-p", str(port), "-t", "ed25519,ecdsa,rsa"),
        *(host.address for host in hosts),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment(),
    )
    output, _ = await process.communicate()
    return [line for line in output.decode(errors="replace").splitlines() if line[:1] != "#"]


def _differs(host: Host, recorded: list[str], shown: list[str]) -> bool:
    ours = {tuple(line.split()[1:3]) for line in recorded}
    theirs = {tuple(line.split()[1:3]) for line in shown if line.split()[0] == host.known_as}
    return bool(theirs) and not theirs & ours
