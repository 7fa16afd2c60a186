"""GPU clusters on domestic Japanese capacity: the public components, and nothing else.

import kokunai

network = kokunai.ClusterNetwork("cluster", site="sakura-ishikari", cidr="192.168.10.0/24")
pool = kokunai.GpuNodePool(
"train", site="sakura-ishikari", gpu="h100", node_count=2, network=network
)
nodes = kokunai.NodeConfiguration("train", pool=pool)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kokunai.configuration import NodeConfiguration
    from kokunai.environment import Environment
    from kokunai.errors import KokunaiError
    from kokunai.network import ClusterNetwork
    from kokunai.node_pool import GpuNodePool
    from kokunai.object_storage import ObjectStorage
    from kokunai.settings import StackSettings
    from kokunai.storage import SharedStorage

__all__ = [
    "ClusterNetwork",
    "Environment",
    "GpuNodePool",
    "KokunaiError",
    "NodeConfiguration",
    "ObjectStorage",
    "SharedStorage",
    "StackSettings",
]
# Imported when they are asked for: the command line and the plugin need none of them.
_MODULES = {
    "ClusterNetwork": "network",
    "Environment": "environment",
    "GpuNodePool": "node_pool",
    "KokunaiError": "errors",
    "NodeConfiguration": "configuration",
    "ObjectStorage": "object_storage",
    "SharedStorage": "storage",
    "StackSettings": "settings",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'kokunai' has no attribute {name!r}")
    return getattr(importlib.import_module(f"kokunai.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
