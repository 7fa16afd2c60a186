"""One Pulumi resource that runs the playbooks on one pool, again only when something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import resources, role_variables
from kokunai.catalog import platforms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.blueprint import Blueprint, PoolPlan, SharePlan
    from kokunai.node_pool import GpuNodePool
    from kokunai.placement import Node

SHARED_INTERFACE = "eth0"
"""First interface of a server: the shared segment."""
PRIVATE_INTERFACE = "eth1"
"""Second interface: the private network."""


def configuration_props(plan: PoolPlan, blueprint: Blueprint, role_digest: str) -> dict[str, Any]:
    """Plain inputs of the configuration, without the hosts, whose addresses come later."""
    return {
        "site": plan.site.key,
        "labels": {**blueprint.labels, "pool": plan.spec.name},
        "pool": plan.spec.name,
        "roleDigest": role_digest,
        "variables": pool_variables(plan, blueprint),
        "privateKeyFile": blueprint.key.private_key_file,
        "keyId": blueprint.key.key_id,
    }


def pool_variables(plan: PoolPlan, blueprint: Blueprint) -> dict[str, Any]:
    """What the roles need to know of a pool, from the blueprint alone."""
    hosts = blueprint.spec.hosts
    facts = role_variables.PoolFacts(
        platform=platforms.of_vendor(plan.gpu.vendor),
        ntp_servers=tuple(hosts.ntp_servers),
        dns_servers=tuple(hosts.dns_servers or plan.site.name_servers),
        package_sources=tuple(source.model_dump() for source in hosts.package_sources),
        gpu_count=plan.offer.gpu_count,
        gpu_vendor_id=plan.gpu.pci_vendor_id,
        # Nodes of a pool meet on their private network where there is one.
        collective_interface=PRIVATE_INTERFACE if plan.network else SHARED_INTERFACE,
        shares=tuple(_share(share) for share in plan.shares),
    )
    return role_variables.pool_variables(facts)


def _share(share: SharePlan) -> role_variables.Share:
    return role_variables.Share(
        name=share.spec.name,
        address=share.address,
        export=share.export,
        mount=share.spec.mount,
    )


def _node_variables(node: Node, host_name: str) -> dict[str, Any]:
    if node.interface_address is None:
        return role_variables.node_variables(host_name=host_name)
    private = {"interface": PRIVATE_INTERFACE, "address": node.interface_address}
    return role_variables.node_variables(host_name=host_name, addresses=[private])


def _host(node: Node, server: resources.Server, plan: PoolPlan, name: str) -> dict[str, Any]:
    return {
        "name": node.name,
        "address": server.address,
        "serverId": server.serverId,
        "user": plan.image.login_user,
        "variables": _node_variables(node, name),
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
