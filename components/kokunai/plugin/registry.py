"""All modules of the plugin: a seller, or a way to configure machines, is one line here."""

from __future__ import annotations

from kokunai.plugin.ansible.module import ansible
from kokunai.plugin.module import Registry
from kokunai.plugin.sakura.module import sakura

MODULES = (
    ansible,
    sakura,
)


def registry() -> Registry:
    """A fresh registry; its kinds have `pulumi_type` and `schema()`."""
    return Registry(module() for module in MODULES)
