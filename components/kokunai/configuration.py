"""One Pulumi resource that runs the playbooks on one pool, again only when something changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import inventory, nccl, resources
from kokunai.errors import KokunaiError

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
    # Nodes of a pool meet on their private network where there is one.
    interface = PRIVATE_INTERFACE if plan.network else SHARED_INTERFACE
    return inventory.pool_variables(
        ntp_servers=hosts.ntp_servers,
        dns_servers=hosts.dns_servers or plan.site.name_servers,
        package_sources=[one.model_dump() for one in hosts.package_sources],
        # Named sources are the only ones: the image's own may lead abroad.
        package_sources_exclusive=bool(hosts.package_sources),
        expected_gpu_count=plan.offer.gpu_count,
        expected_gpu_vendor_id=plan.gpu.pci_vendor_id,
        collective_environment=_collective_environment(interface),
        collective_configuration_file=plan.gpu.collective_settings_file,
        storage_servers=[{"name": one.spec.name, "address": one.address} for one in plan.shares],
        nfs_mounts=[_mount(one) for one in plan.shares],
    )


def _collective_environment(interface: str) -> dict[str, str]:
    settings = nccl.environment(interface)
    if problems := nccl.problems(settings):
        raise KokunaiError(ja="NCCL の設定に誤りがあります。", en="\n".join(problems))
    return settings


def _mount(share: SharePlan) -> dict[str, str]:
    return {"server": share.address, "export": share.export, "path": share.spec.mount}


def _node_variables(node: Node, host_name: str) -> dict[str, Any]:
    if node.interface_address is None:
        return inventory.node_variables(host_name=host_name)
    private = {"interface": PRIVATE_INTERFACE, "address": node.interface_address}
    return inventory.node_variables(host_name=host_name, addresses=[private])


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
