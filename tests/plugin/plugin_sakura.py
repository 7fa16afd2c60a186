"""A plugin with the kinds of Sakura's IaaS, and inputs that are right."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from kokunai.plugin.sakura.module import sakura
from kokunai.plugin.stack.module import stack
from support.plugin_engine import Engine, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB me"
IMAGE = "Debian GNU/Linux 12 (bookworm) 64bit"
OWNER = "00112233445566aa"
GOVERNED = {
    "zone": "is1a",
    "site": "sakura-ishikari",
    "labels": {"data-class": "internal"},
    "owner": OWNER,
}


@contextlib.asynccontextmanager
async def plugin() -> AsyncIterator[Engine]:
    """With what a stack adds for itself, as the registry has it."""
    seller = sakura()
    async with running(seller, stack(seller.kinds)) as engine:
        yield engine


def server_inputs(**changed: Any) -> dict[str, Any]:
    """As they come out of `check`."""
    return {
        **GOVERNED,
        "name": "node",
        "description": "",
        "tags": [],
        "hostName": "node",
        "plan": {"cpuCount": 4, "memoryGib": 56, "gpuCount": 1, "commitment": "standard"},
        "disks": [{"sizeGib": 20, "plan": "ssd", "image": IMAGE}],
        "nics": [{"switchId": "shared", "address": "", "gateway": ""}],
        "sshKeyIds": [],
        "sshPublicKeys": [KEY],
        "password": "",
        "disablePasswordLogin": True,
        "startupScript": "",
        "forceShutdown": False,
        **changed,
    }


def switch_inputs(**changed: Any) -> dict[str, Any]:
    return {**GOVERNED, "name": "lan", "description": "", "tags": [], **changed}


def key_inputs(**changed: Any) -> dict[str, Any]:
    return {**GOVERNED, "name": "me", "description": "", "publicKey": KEY, **changed}


def rule(**changed: Any) -> dict[str, str]:
    return {
        "protocol": "tcp",
        "sourceNetwork": "",
        "sourcePort": "",
        "destinationPort": "",
        "action": "allow",
        "description": "",
        **changed,
    }


def filter_inputs(**changed: Any) -> dict[str, Any]:
    rules = [
        rule(sourceNetwork="10.0.0.0/8", destinationPort="22"),
        rule(protocol="ip", action="deny"),
    ]
    return {**GOVERNED, "name": "ssh", "description": "", "rules": rules, **changed}


def nfs_inputs(switch_id: str, **changed: Any) -> dict[str, Any]:
    return {
        **GOVERNED,
        "name": "share",
        "description": "",
        "tags": [],
        "plan": "ssd",
        "sizeGib": 100,
        "switchId": switch_id,
        "address": "192.168.0.9",
        "prefixLength": 24,
        "gateway": "",
        **changed,
    }
