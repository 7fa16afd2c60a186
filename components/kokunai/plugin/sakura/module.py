"""Describes the module `sakura` for the registry: its kinds, its settings, its end."""

from __future__ import annotations

from kokunai.plugin.module import Module
from kokunai.plugin.sakura.accounts import SECTION, Accounts
from kokunai.plugin.sakura.bucket import Bucket
from kokunai.plugin.sakura.dedicated.accounts import PhyAccounts
from kokunai.plugin.sakura.dedicated.kind import DedicatedServer
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
    phy = PhyAccounts(accounts)

    async def close() -> None:
        await accounts.close()
        await phy.close()

    return Module(
        "sakura",
        kinds=(*(kind(accounts) for kind in _KINDS), DedicatedServer(phy)),
        section=SECTION,
        close=close,
    )
