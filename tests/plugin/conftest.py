"""A lab, a plugin with the kinds of Sakura's IaaS, and inputs that are right."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from plugin_engine import Engine, running
from plugin_lab import Lab

from kokunai.plugin import sakura_power, sakura_session
from kokunai.plugin.sakura_accounts import Accounts
from kokunai.plugin.sakura_nfs import Nfs
from kokunai.plugin.sakura_packet_filter import PacketFilter
from kokunai.plugin.sakura_server import Server
from kokunai.plugin.sakura_ssh_key import SshKey
from kokunai.plugin.sakura_switch import Switch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB me"
IMAGE = "Debian GNU/Linux 12 (bookworm) 64bit"
GOVERNED = {"zone": "is1a", "site": "sakura-ishikari", "labels": {"data-class": "internal"}}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator has no delays, so waiting for it may be short."""
    monkeypatch.setattr(sakura_session, "_FIRST_POLL_SECONDS", 0.02)
    monkeypatch.setattr(sakura_session, "_LONGEST_POLL_SECONDS", 0.1)
    monkeypatch.setattr(sakura_session, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(sakura_session, "_LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(sakura_power, "_PRESS_AGAIN_SECONDS", 1.0)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab")
    lab.start()
    yield lab
    lab.mend()
    lab.stop()


@pytest.fixture
async def engine(lab: Lab) -> AsyncIterator[Engine]:
    """A configured plugin beside the lab."""
    async with plugin() as engine:
        await engine.configure(lab.config)
        yield engine


@contextlib.asynccontextmanager
async def plugin() -> AsyncIterator[Engine]:
    accounts = Accounts()
    kinds = (Server, Switch, PacketFilter, SshKey, Nfs)
    try:
        async with running(*(kind(accounts) for kind in kinds)) as engine:
            yield engine
    finally:
        await accounts.close()


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
