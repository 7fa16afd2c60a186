"""File shares on a private network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import resources

if TYPE_CHECKING:
    from kokunai.blueprint import Blueprint, SharePlan


def nfs_props(plan: SharePlan, blueprint: Blueprint) -> dict[str, Any]:
    """Plain inputs of the file server, without the switch it will be connected to."""
    return {
        "name": f"{blueprint.spec.name}-{plan.spec.name}",
        "zone": plan.network.zone,
        "site": plan.network.site.key,
        "labels": blueprint.labels,
        "plan": plan.spec.disk,
        "sizeGib": plan.spec.size_gib,
        "address": plan.address,
        "prefixLength": int(plan.network.spec.cidr.partition("/")[2]),
    }


class SharedStorage(pulumi.ComponentResource):
    """A file server that every node of the network mounts."""

    def __init__(
        self,
        plan: SharePlan,
        switch_id: pulumi.Input[str],
        blueprint: Blueprint,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kokunai:index:SharedStorage", plan.spec.name, None, opts)
        self.server = resources.Nfs(
            plan.spec.name,
            {**nfs_props(plan, blueprint), "switchId": switch_id},
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"address": plan.address})
