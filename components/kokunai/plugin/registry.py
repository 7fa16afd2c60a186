"""Lists the modules of the plugin; a new seller or tool adds one line here."""

from __future__ import annotations

from kokunai.plugin.ansible.module import ansible
from kokunai.plugin.contract.module import contract
from kokunai.plugin.module import Registry
from kokunai.plugin.sakura.module import sakura
from kokunai.plugin.stack.module import stack
from kokunai.plugin.stack.owner import owner

MODULES = (
    ansible,
    contract,
    owner,
    sakura,
)


def registry() -> Registry:
    """A new registry of all modules; each call makes new kinds with accounts of their own."""
    made = [module() for module in MODULES]
    return Registry([*made, stack(kind for module in made for kind in module.kinds)])
