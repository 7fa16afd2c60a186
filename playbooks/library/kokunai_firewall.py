#!/usr/bin/python
"""Refuses, before anything is filtered, rules that would lock out the machine that logs in."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: kokunai_firewall
short_description: Whether the rules let in the connection that brings them
description:
  - The present connection would go on, but the next one would be dropped without a word.
  - Nothing is changed, so it also runs in check mode.
options:
  root: {description: Directory that stands for /, type: path, default: /}
  networks: {description: Networks that may log in, type: list, elements: str, required: true}
author: Kokunai
"""

RETURN = r"""
source: {description: Client of the connection; empty without SSH, type: str, returned: always}
"""

ARGUMENTS = {
    "root": {"type": "path", "default": "/"},
    "networks": {"type": "list", "elements": "str", "required": True},
}


def source(root: Path, process: int) -> str:
    """The client's address, from sshd's variable in the nearest process above this one.

    sudo removes the variable from what it starts, hence the search.
    """
    while process > 1:
        place = root / "proc" / str(process)
        try:
            words = (place / "environ").read_bytes().split(b"\0")
            # The name of the program, in brackets, may hold spaces and brackets itself.
            parent = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        except OSError:
            return ""
        found = [word for word in words if word.startswith(b"SSH_CONNECTION=")]
        if found:
            return found[0].partition(b"=")[2].split()[0].decode()
        process = int(parent)
    return ""


def is_let_in(address: str, networks: list[str]) -> bool:
    """Whether a rule lets the address in; the host itself needs none."""
    client = ipaddress.ip_address(address.partition("%")[0])
    client = getattr(client, "ipv4_mapped", None) or client
    return client.is_loopback or any(client in ipaddress.ip_network(one) for one in networks)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    client = source(Path(module.params["root"]), os.getppid())
    networks = module.params["networks"]
    if client and not is_let_in(client, networks):
        module.fail_json(
            msg=f"接続元 {client} は許可した範囲にないため、ファイアウォールを設定すると"
            f"接続できなくなります。access.ssh_from に {client} を含むネットワークを加えるか、"
            "hosts.firewall: false を指定してください。 "
            f"The firewall would lock out {client}, from which this connection comes: add a "
            "network that holds it to access.ssh_from, or write hosts.firewall: false."
        )
    module.exit_json(changed=False, source=client)


if __name__ == "__main__":
    main()
