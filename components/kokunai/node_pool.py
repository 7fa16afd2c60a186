"""Identical GPU servers at one site, one resource a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import resources

if TYPE_CHECKING:
    from kokunai.blueprint import Blueprint, PoolPlan
    from kokunai.placement import Node


def server_props(node: Node, plan: PoolPlan, blueprint: Blueprint) -> dict[str, Any]:
    """Plain inputs of one server, without the ids of what it is connected to."""
    offer = plan.offer
    name = f"{blueprint.spec.name}-{node.name}"
    return {
        "name": name,
        "hostName": name,
        "zone": offer.zone,
        "site": offer.site,
        "labels": {**blueprint.labels, "pool": plan.spec.name},
        "plan": {
            "cpuCount": offer.cpu_count,
            "memoryGib": offer.memory_gib,
            "gpuCount": offer.gpu_count,
            "gpuModel": offer.gpu_model,
            "commitment": offer.commitment,
            "generation": offer.generation,
        },
        "disks": [{"sizeGib": plan.spec.boot_disk_gib, "plan": "ssd", "image": plan.image.archive}],
    }


def _interfaces(
    node: Node, filter_id: pulumi.Input[str], switch_id: pulumi.Input[str] | None
) -> list[dict[str, Any]]:
    shared = {"switchId": "shared", "packetFilterId": filter_id}
    if node.address is None:
        return [shared]
    private = {
        "switchId": switch_id,
        "address": node.address,
        "prefixLength": node.prefix_length,
    }
    return [shared, private]


class GpuNodePool(pulumi.ComponentResource):
    """`node_count` servers of one offer; `servers` pairs each node with its resource."""

    def __init__(
        self,
        plan: PoolPlan,
        blueprint: Blueprint,
        *,
        key_id: pulumi.Input[str],
        filter_id: pulumi.Input[str],
        switch_id: pulumi.Input[str] | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kokunai:index:GpuNodePool", plan.spec.name, None, opts)
        timeout = f"{plan.spec.order_timeout_seconds}s"
        timeouts = pulumi.CustomTimeouts(create=timeout, update=timeout)
        # Not annotated on the class: Pulumi evaluates those annotations at run time.
        self.servers: list[tuple[Node, resources.Server]] = []
        for node in plan.nodes:
            props = {
                **server_props(node, plan, blueprint),
                "sshKeyIds": [key_id],
                "nics": _interfaces(node, filter_id, switch_id),
            }
            options = pulumi.ResourceOptions(parent=self, custom_timeouts=timeouts)
            self.servers.append((node, resources.Server(node.name, props, options)))
        addresses = {node.name: server.address for node, server in self.servers}
        self.register_outputs({"addresses": addresses})
