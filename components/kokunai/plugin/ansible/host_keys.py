"""SSH host keys: which a host must show, which it tells, and whether it still answers with them.

At the first contact a host must show the key that its provider let us give it or tell us of. Over
that connection a server of ours tells the keys that its sshd serves, and from then on those must be
shown; the key of a host that was handed over stays the only one. A host of which nothing is known
beforehand is believed once.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from kokunai.plugin.ansible.places import environment
from kokunai.plugin.ansible.ssh_options import jump_alias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kokunai.plugin.ansible.request import Host
    from kokunai.plugin.kind import Props

PUBLIC_KEY = re.compile(
    r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,2000}={0,2}"
)
"""A public key as `known_hosts` has it, without the name of the host."""
NOT_PINNED = "最初のホスト鍵は固定していません / first key not pinned"
_PATIENCE_SECONDS = "5"
_MOST_KEYS = 8


def keys_of(host: Host, lines: Iterable[str]) -> list[str]:
    """The lines of known_hosts that belong to the host."""
    return [line for line in lines if line.split(" ", 1)[0] == host.known_as]


def known_keys(hosts: Iterable[Host], state: Props) -> dict[str, list[str]]:
    """Recorded keys of hosts that still are the same server, by host name.

    They bear the host's present name: under another one ssh would not find them, and believe it.
    """
    keys, results = state.get("hostKeys") or {}, state.get("results") or {}
    return {
        host.name: _recorded(host, keys[host.name])
        for host in hosts
        if keys.get(host.name) and _is_same(host, results.get(host.name, {}))
    }


def _recorded(host: Host, lines: Iterable[str]) -> list[str]:
    if host.host_key and host.is_handed_over:
        return pinned([host], {})
    return [f"{host.known_as} {line.partition(' ')[2]}" for line in lines]


def _is_same(host: Host, result: Mapping[str, str]) -> bool:
    """Whether the recorded keys are this server's.

    A provider may give a server another id, but the first key is written into a disk once.
    """
    if host.host_key:
        return result.get("firstKey") == host.host_key
    return result.get("serverId") == host.server_id


def pinned(hosts: Iterable[Host], known: Mapping[str, list[str]]) -> list[str]:
    """Lines of known_hosts for the first contact with hosts whose first key is known."""
    fresh = [host for host in hosts if host.name not in known]
    return [f"{host.known_as} {host.host_key}" for host in fresh if host.host_key]


def jumps(hosts: Iterable[Host]) -> list[str]:
    """Lines of known_hosts for jump hosts whose key is known."""
    keyed = [host for host in hosts if host.jump and host.jump_key]
    return list(dict.fromkeys(f"{jump_alias(host.jump)} {host.jump_key}" for host in keyed))


def told(keys: object) -> list[str]:
    """The public keys among what a host says are its own."""
    listed = keys if isinstance(keys, list) else []
    return [key for key in listed[:_MOST_KEYS] if PUBLIC_KEY.fullmatch(str(key))]


def learned(host: Host, own: Iterable[str], shown: Iterable[str]) -> list[str]:
    """What to record after the first contact: `own` keys the host told, or those it has `shown`.

    The key that a server of ours was given is not recorded: until the server tells its own it is
    pinned again. Of a host that was handed over no other key is recorded, whatever it tells.
    """
    if host.host_key and host.is_handed_over:
        return pinned([host], {}) if keys_of(host, shown) else []
    if host.host_key:
        return [f"{host.known_as} {key}" for key in own]
    return keys_of(host, shown)


async def rekeyed(hosts: Iterable[Host], known: Mapping[str, list[str]]) -> set[str]:
    """Names of hosts that answer with another key than the recorded one; without silent hosts."""
    by_port: dict[int, list[Host]] = defaultdict(list)
    for host in hosts:
        # A scan knows no jump host, and the address may be somebody else's from here. It also shows
        # one key of each kind, which need not be the one that was handed over.
        if known.get(host.name) and not host.jump and not host.is_handed_over:
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
