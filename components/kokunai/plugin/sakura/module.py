"""Describes the module `sakura` for the registry: its kinds, its settings, its end."""

from __future__ import annotations

from kokunai.plugin.module import Module
from kokunai.plugin.sakura.accounts import SECTION, Accounts
from kokunai.plugin.sakura.bucket import Bucket
from kokunai.plugin.sakura.nfs import Nfs
from kokunai.plugin.sakura.packet_filter import PacketFilter
from kokunai.plugin.sakura.router import Router
from kokunai.plugin.sakura.server.kind import Server
from kokunai.plugin.sakura.ssh_key import SshKey
from kokunai.plugin.sakura.switch import Switch

_KINDS = (Server, Switch, Router, PacketFilter, SshKey, Nfs, Bucket)


def sakura() -> Module:
    """A new module whose kinds share their accounts, so that the call limit of each holds."""
    accounts = Accounts()
    return Module(
        "sakura",
        kinds=tuple(kind(accounts) for kind in _KINDS),
        section=SECTION,
        close=accounts.close,
    )
