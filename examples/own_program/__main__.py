"""A team's own program: a component of its own around Kokunai's, and outputs of its own."""

from __future__ import annotations

from typing import Any

import pulumi

import kokunai


class ResearchCluster(pulumi.ComponentResource):
    """What every research team here gets: a network, a share, a pool that mounts it."""

    def __init__(self, name: str, *, node_count: int) -> None:
        super().__init__("research:index:Cluster", name)
        inside = pulumi.ResourceOptions(parent=self)
        network = kokunai.ClusterNetwork(
            name, site="sakura-ishikari", cidr="192.168.20.0/24", opts=inside
        )
        data = kokunai.SharedStorage(
            f"{name}-data", network=network, size_gib=100, mount="/mnt/data", opts=inside
        )
        self.pool = kokunai.GpuNodePool(
            f"{name}-train",
            site="sakura-ishikari",
            gpu="h100",
            node_count=node_count,
            network=network,
            storage=[data],
            opts=inside,
        )
        self.nodes = kokunai.NodeConfiguration(f"{name}-train", pool=self.pool, opts=inside)
        self.register_outputs({"nodes": self.pool.nodes})


def ssh_config(nodes: dict[str, Any]) -> str:
    """What a member of the team puts into ~/.ssh/config."""
    return "\n".join(
        f"Host {name}\n  HostName {node['address']}\n  User {node['user']}"
        for name, node in nodes.items()
    )


cluster = ResearchCluster("vision", node_count=1)

pulumi.export("ssh_config", cluster.pool.nodes.apply(ssh_config))
pulumi.export("verified", cluster.nodes.verified)
