"""One Pulumi resource that runs the playbooks on one pool, again only when something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import inventory, resources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.blueprint import Blueprint, PoolPlan
    from kokunai.node_pool import GpuNodePool
    from kokunai.placement import Node


def configuration_props(plan: PoolPlan, blueprint: Blueprint, role_digest: str) -> dict[str, Any]:
    """Plain inputs of the configuration, without the hosts, whose addresses come later."""
    return {
        "site": plan.site.key,
        "labels": {**blueprint.labels, "pool": plan.spec.name},
        "pool": plan.spec.name,
        "roleDigest": role_digest,
        "variables": inventory.pool_variables(plan, blueprint.spec),
        "privateKeyFile": blueprint.key.private_key_file,
        "keyId": blueprint.key.key_id,
    }


def _host(node: Node, server: resources.Server, plan: PoolPlan, name: str) -> dict[str, Any]:
    return {
        "name": node.name,
        "address": server.address,
        "serverId": server.serverId,
        "user": plan.image.login_user,
        "variables": inventory.node_variables(node, name),
    }


class NodeConfiguration(pulumi.ComponentResource):
    """The configured pool; `verified` holds every check's verdict by node."""

    verified: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        pool: GpuNodePool,
        plan: PoolPlan,
        blueprint: Blueprint,
        *,
        role_digest: str,
        secret_variables: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kokunai:index:NodeConfiguration", plan.spec.name, None, opts)
        prefix = blueprint.spec.name
        hosts = [_host(node, one, plan, f"{prefix}-{node.name}") for node, one in pool.servers]
        props = {**configuration_props(plan, blueprint, role_digest), "hosts": hosts}
        if secret_variables:
            props["secretVariables"] = pulumi.Output.secret(dict(secret_variables))
        run = resources.Configuration(plan.spec.name, props, pulumi.ResourceOptions(parent=self))
        self.verified = run.verified
        self.register_outputs({"verified": run.verified})
