"""All kinds of the plugin: one line each."""

from __future__ import annotations

from kokunai.plugin.ansible.configuration import Configuration
from kokunai.plugin.kind import Registry
from kokunai.plugin.sakura.nfs import Nfs
from kokunai.plugin.sakura.packet_filter import PacketFilter
from kokunai.plugin.sakura.server import Server
from kokunai.plugin.sakura.ssh_key import SshKey
from kokunai.plugin.sakura.switch import Switch


def registry() -> Registry:
    """A fresh registry with every kind."""
    kinds = Registry()
    for kind in (Server(), Switch(), PacketFilter(), SshKey(), Nfs(), Configuration()):
        kinds.add(kind)
    return kinds
