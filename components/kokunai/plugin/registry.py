"""Lists the modules of the plugin; a new seller or tool adds one line here."""

from __future__ import annotations

from kokunai.plugin.ansible.module import ansible
from kokunai.plugin.module import Registry
from kokunai.plugin.owner import owner
from kokunai.plugin.sakura.module import sakura

MODULES = (
    ansible,
    owner,
    sakura,
)


def registry() -> Registry:
    """A new registry of all modules; each call makes new kinds with accounts of their own."""
    return Registry(module() for module in MODULES)
