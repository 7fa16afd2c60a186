"""Preprocess at Sakura, tune on a dedicated server, train on KDDI's rack, infer at Highreso."""

from __future__ import annotations

import pulumi

import kokunai

prepare = kokunai.GpuNodePool(
    "prepare", site="sakura-ishikari", gpu="h100", offer="sakura-vrt-h100", node_count=1
)
tuning = kokunai.ClusterNetwork(
    "tuning", site="sakura-ishikari", cidr="192.168.30.0/24", contract="phy-lab"
)
tune = kokunai.GpuNodePool(
    "tune",
    site="sakura-ishikari",
    gpu="h100",
    offer="sakura-phy-h100",
    contract="phy-lab",
    network=tuning,
    node_count=1,
    image="ubuntu-22.04",
)
train = kokunai.GpuNodePool(
    "train",
    site="kddi-sakai",
    gpu="gb200",
    offer="kddi-gb200-nvl72",
    contract="kddi-lab",
    nvlink_domains=1,
)
infer = kokunai.GpuNodePool(
    "infer",
    site="highreso-takamatsu",
    gpu="h200",
    offer="highreso-h200",
    contract="highreso-lab",
    node_count=1,
)
pools = {"prepare": prepare, "tune": tune, "train": train, "infer": infer}
nodes = {name: kokunai.NodeConfiguration(name, pool=pool) for name, pool in pools.items()}

pulumi.export("offers", {name: pool.offer for name, pool in pools.items()})
pulumi.export("verdicts", {name: configured.verdicts for name, configured in nodes.items()})
