#!/usr/bin/python
"""Refuses, before anything is filtered, rules that would lock out the machine that logs in."""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import os
import re
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: kokunai_firewall
short_description: Whether the rules let in the connection that brings them
description:
  - The present connection would go on, but the next one would be dropped without a word.
  - Tells what the rules must know of the host, too. Nothing is changed, so it also runs in check
    mode.
options:
  root: {description: Directory that stands for /, type: path, default: /}
  networks: {description: Networks that may log in, type: list, elements: str, required: true}
  private_networks:
    description: Networks that may log in through the private interface alone
    type: list
    elements: str
    default: []
  private_interface: {description: Interface on which the nodes meet, type: str, default: ""}
  container_interfaces:
    description: Name patterns of interfaces behind which this host's own containers are
    type: list
    elements: str
    default: []
  over_ssh: {description: The connection comes over a network, type: bool, default: true}
author: Kokunai
"""

RETURN = r"""
source: {description: Client of the connection; empty without SSH, type: str, returned: always}
port: {description: Where sshd took the connection, type: int, returned: always}
outside:
  description: Interfaces that lead outside although they are named like those of containers
  type: list
  returned: always
"""

ARGUMENTS = {
    "root": {"type": "path", "default": "/"},
    "networks": {"type": "list", "elements": "str", "required": True},
    "private_networks": {"type": "list", "elements": "str", "default": []},
    "private_interface": {"type": "str", "default": ""},
    "container_interfaces": {"type": "list", "elements": "str", "default": []},
    "over_ssh": {"type": "bool", "default": True},
}

# What Docker, Podman and libvirt themselves call their bridges, by how the names begin.
MADE_NAMES = {"br-": r"br-[0-9a-f]{12}", "podman": r"podman\d+", "virbr": r"virbr\d+(-nic)?"}
SAFE_NAME = re.compile(r"[A-Za-z0-9._:@-]{1,15}")


def connection(root: Path, process: int) -> list[str]:
    """Client, its port, own address and own port; from sshd's variable in a process above this one.

    sudo removes the variable from what it starts, hence the search. Without a network, as through a
    pipe, there is no address in it.
    """
    while process > 1:
        place = root / "proc" / str(process)
        try:
            words = (place / "environ").read_bytes().split(b"\0")
            # The name of the program, in brackets, may hold spaces and brackets itself.
            parent = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        except OSError:
            return []
        for word in words:
            name, _, value = word.partition(b"=")
            ends = value.decode(errors="replace").split() if name == b"SSH_CONNECTION" else []
            if len(ends) == 4 and ends[3].isdigit() and _address(ends[0]) and _address(ends[2]):
                return ends
        process = int(parent)
    return []


def source(root: Path, process: int) -> str:
    """The client's address; empty where there is none."""
    return next(iter(connection(root, process)), "")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_let_in(address: str, networks: list[str]) -> bool:
    """Whether a rule lets the address in; the host itself needs none."""
    client = _address(address)
    if client is None:
        return False
    return client.is_loopback or any(client in ipaddress.ip_network(one) for one in networks)


def ip(*words: str) -> list[dict]:
    """What the program ip lists; nothing where it is not there."""
    for program in ("/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"):
        try:
            said = subprocess.run(
                [program, "-json", *words], capture_output=True, timeout=20, check=False
            )
            return [row for row in json.loads(said.stdout or b"[]") if row]
        except (OSError, ValueError, subprocess.TimeoutExpired):
            continue
    return []


def carriers(address: str) -> list[str]:
    """The interfaces that have an address."""
    wanted = _address(address)
    return [
        row["ifname"]
        for row in ip("address")
        if any(_address(one.get("local", "")) == wanted for one in row.get("addr_info", []))
    ]


def arrival(ends: list[str]) -> str:
    """The interface at which the connection came in; empty where nobody knows.

    One whose address belongs to the loopback came in where the way back leads out.
    """
    found = [name for name in carriers(ends[2]) if name != "lo"]
    back = [] if found else ip("route", "get", str(_address(ends[0])))
    return next(iter([*found, *(row.get("dev", "") for row in back)]), "")


def outside(root: Path, patterns: list[str], known: set[str]) -> list[str]:
    """Interfaces that match a pattern and yet are no containers'.

    They are `known` to lead outside, bear a name that nobody gives to containers, or are wired.
    """
    here = sorted(path.name for path in (root / "sys/class/net").glob("*"))
    matching = [name for name in here if any(fnmatch.fnmatchcase(name, one) for one in patterns)]
    return [
        name
        for name in matching
        if SAFE_NAME.fullmatch(name)
        and (name in known or not _is_made_name(name) or _is_wired(root / "sys/class/net", name))
    ]


def _is_made_name(name: str) -> bool:
    forms = [form for start, form in MADE_NAMES.items() if name.startswith(start)]
    return all(re.fullmatch(form, name) for form in forms)


def _is_wired(net: Path, name: str, depth: int = 4) -> bool:
    """Whether there is a device behind an interface: its own, or that of a port or a bond.

    A tunnel stands on a device, too, but what comes out of it comes from containers.
    """
    place = net / name
    if (place / "device").exists():
        return True
    try:
        is_vlan = "DEVTYPE=vlan" in (place / "uevent").read_text(encoding="utf-8")
    except OSError:
        is_vlan = False
    joins = is_vlan or (place / "bridge").exists() or (place / "bonding").exists()
    below = [path.name.partition("_")[2] for path in place.glob("lower_*")] if joins else []
    return depth > 0 and any(_is_wired(net, one, depth - 1) for one in below)


def ways_out() -> set[str]:
    """The interfaces of default routes."""
    rows = [*ip("route", "show", "default"), *ip("-6", "route", "show", "default")]
    hops = [hop for row in rows for hop in row.get("nexthops", [])]
    return {str(row["dev"]) for row in [*rows, *hops] if row.get("dev")}


def refusal(client: str) -> str:
    """Why nothing is filtered, and what helps."""
    if not client:
        return (
            "接続元が分からないため、ファイアウォールを設定しません。設定すると接続できなくなる"
            "おそれがあります。sshd に直接接続するか、hosts.firewall: false を指定してください。 "
            "It is not known where this connection comes from, and the firewall might lock it out: "
            "connect to sshd directly, or write hosts.firewall: false."
        )
    return (
        f"接続元 {client} は許可した範囲にないため、ファイアウォールを設定すると"
        f"接続できなくなります。access.ssh_from に {client} を含むネットワークを加えるか、"
        "hosts.firewall: false を指定してください。 "
        f"The firewall would lock out {client}, from which this connection comes: add a "
        "network that holds it to access.ssh_from, or write hosts.firewall: false."
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    given = module.params
    root, private = Path(given["root"]), given["private_interface"]
    ends = connection(root, os.getppid())
    client = ends[0] if ends else ""
    networks = list(given["networks"])
    if ends and not is_let_in(client, networks) and arrival(ends) == private:
        networks += given["private_networks"]
    if not is_let_in(client, networks) if ends else given["over_ssh"]:
        module.fail_json(msg=refusal(client))
    known = {private, *ways_out(), *(carriers(ends[2]) if ends else ())}
    module.exit_json(
        changed=False,
        source=client,
        port=int(ends[3]) if ends else 22,
        outside=outside(root, given["container_interfaces"], known),
    )


if __name__ == "__main__":
    main()
