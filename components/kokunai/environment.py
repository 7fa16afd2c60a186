"""Entry component: resolves and judges the whole stack first, then builds it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import blueprint, inventory, resources, stack_file
from kokunai.configuration import NodeConfiguration, configuration_props
from kokunai.errors import KokunaiError
from kokunai.network import ClusterNetwork, filter_props, switch_props
from kokunai.node_pool import GpuNodePool, server_props
from kokunai.playbooks import directory as playbooks_directory
from kokunai.storage import SharedStorage, nfs_props
from kokunai_policy import STACK_TYPE, Context, Resource, guard, program_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai import model
    from kokunai.blueprint import Blueprint, PoolPlan

# Pulumi configuration keys whose values are secrets, and the inputs they become.
_PROVIDER_SECRETS = ("sakuraAccessToken", "sakuraAccessTokenSecret")
_HOST_SECRETS = {"packageSourceCredentials": "package_source_credentials"}
_API_ROOT_VARIABLES = ("SAKURA_API_ROOT_URL", "SAKURACLOUD_API_ROOT_URL")


class Environment(pulumi.ComponentResource):
    """Everything one stack file asks for; refuses before the first resource what the rules refuse.

    Raises KokunaiError with every mistake of the stack file and every finding of the rules.
    """

    nodes: dict[str, pulumi.Output[dict[str, Any]]]
    verified: dict[str, pulumi.Output[dict[str, Any]]]
    login: dict[str, pulumi.Output[str]]

    def __init__(
        self,
        spec: model.Environment,
        *,
        root: Path,
        secrets: Mapping[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        self._plan = blueprint.resolve(spec, root)
        self._role_digest = inventory.role_digest(playbooks_directory())
        guard(planned(self._plan, self._role_digest), _context(spec, root))
        super().__init__("kokunai:index:Environment", spec.name, None, opts)
        self.private_key_file = spec.access.private_key_file
        self._provider = self._declare_provider(secrets)
        self._secrets = secrets
        self.nodes, self.verified, self.login = {}, {}, {}
        self._build()
        self.register_outputs({"nodes": self.nodes, "verified": self.verified})

    def _declare_provider(self, secrets: Mapping[str, pulumi.Output[str]]) -> resources.Provider:
        given = {key: secrets[key] for key in _PROVIDER_SECRETS if key in secrets}
        props = {**provider_props(), **given}
        return resources.Provider(self._plan.spec.name, props, pulumi.ResourceOptions(parent=self))

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=self._provider)

    def _build(self) -> None:
        plan = self._plan
        networks = {
            one.spec.name: ClusterNetwork(one, plan, self._child()) for one in plan.networks
        }
        for share in plan.shares:
            switch_id = networks[share.network.spec.name].switch_id
            SharedStorage(share, switch_id, plan, self._child())
        key = resources.SshKey(plan.spec.name, key_props(plan), self._child())
        filters = {zone: self._filter(zone) for zone in plan.zones}
        for pool in plan.pools:
            network = networks[pool.network.spec.name] if pool.network else None
            self._build_pool(pool, key, filters[pool.offer.zone], network)

    def _filter(self, zone: str) -> resources.PacketFilter:
        site = next(pool.site.key for pool in self._plan.pools if pool.offer.zone == zone)
        return resources.PacketFilter(zone, filter_props(zone, site, self._plan), self._child())

    def _build_pool(
        self,
        plan: PoolPlan,
        key: resources.SshKey,
        packet_filter: resources.PacketFilter,
        network: ClusterNetwork | None,
    ) -> None:
        pool = GpuNodePool(
            plan,
            self._plan,
            key_id=key.id,
            filter_id=packet_filter.id,
            switch_id=network.switch_id if network else None,
            opts=self._child(),
        )
        for node, server in pool.servers:
            self.nodes[node.name] = pulumi.Output.from_input(_node_summary(plan, node, server))
            self.login[node.name] = pulumi.Output.concat(
                f"ssh -i {self._plan.key.private_key_file} {plan.image.login_user}@", server.address
            )
        configuration = NodeConfiguration(
            pool,
            plan,
            self._plan,
            role_digest=self._role_digest,
            secret_variables=self._host_secrets(),
            opts=self._child(),
        )
        self.verified[plan.spec.name] = configuration.verified

    def _host_secrets(self) -> dict[str, pulumi.Output[str]]:
        return {
            variable: self._secrets[key]
            for key, variable in _HOST_SECRETS.items()
            if key in self._secrets
        }


def _node_summary(plan: PoolPlan, node: Any, server: resources.Server) -> dict[str, Any]:
    return {
        "address": server.address,
        "private_address": node.address,
        "pool": plan.spec.name,
        "site": plan.site.key,
        "gpu": plan.spec.gpu,
        "user": plan.image.login_user,
    }


def _context(spec: model.Environment, root: Path) -> Context:
    return program_context(
        root,
        stack=pulumi.get_stack(),
        project=pulumi.get_project(),
        lab=spec.lab,
        environment=os.environ,
    )


def key_props(plan: Blueprint) -> dict[str, Any]:
    """Plain inputs of the registered SSH key."""
    return {
        "name": plan.spec.name,
        "publicKey": plan.key.public_key,
        "zone": plan.zones[0],
        "site": plan.pools[0].site.key,
        "labels": plan.labels,
    }


def provider_props() -> dict[str, Any]:
    """Plain inputs of the provider: the endpoint is stated, so that rules and reviewers see it."""
    endpoint = next((os.environ[key] for key in _API_ROOT_VARIABLES if os.environ.get(key)), None)
    return {"sakuraApiRootUrl": endpoint} if endpoint else {}


def planned(plan: Blueprint, role_digest: str) -> Iterator[Resource]:
    """Every resource of the blueprint as the rules see it, before any is declared."""

    def one(token: str, name: str, props: dict[str, Any]) -> Resource:
        return Resource(type=token, name=name, props=props, provider_props=provider_props())

    yield Resource(type=STACK_TYPE, name=pulumi.get_stack(), props={})
    yield one("pulumi:providers:kokunai", plan.spec.name, provider_props())
    yield one(resources.SshKey.token, plan.spec.name, key_props(plan))
    for network in plan.networks:
        yield one(resources.Switch.token, network.spec.name, switch_props(network, plan))
    for share in plan.shares:
        yield one(resources.Nfs.token, share.spec.name, nfs_props(share, plan))
    for pool in plan.pools:
        zone, site = pool.offer.zone, pool.site.key
        yield one(resources.PacketFilter.token, zone, filter_props(zone, site, plan))
        for node in pool.nodes:
            yield one(resources.Server.token, node.name, server_props(node, pool, plan))
        props = configuration_props(pool, plan, role_digest)
        yield one(resources.Configuration.token, pool.spec.name, props)


def _environment_value(config: pulumi.Config) -> Any:
    """Plain data of the stack file; text that is no object is left for the model to refuse."""
    text = config.get("environment")
    if text is None:
        raise stack_file.missing(f"Pulumi.{pulumi.get_stack()}.yaml")
    try:
        return json.loads(text)
    # The reader raises the one for numbers of thousands of digits, the other for endless nesting.
    except (ValueError, RecursionError):
        return text


def from_config() -> Environment:
    """The environment of the running stack. Raises pulumi.RunError with a clean message."""
    config = pulumi.Config("kokunai")
    names = (*_PROVIDER_SECRETS, *_HOST_SECRETS)
    secrets = {name: value for name in names if (value := config.get_secret(name)) is not None}
    try:
        if pulumi.runtime.is_config_secret(stack_file.KEY):
            raise stack_file.secret_refusal()
        spec = stack_file.read(_environment_value(config))
        root = Path(pulumi.runtime.get_root_directory())
        return Environment(spec, root=root, secrets=secrets)
    except KokunaiError as refusal:
        raise pulumi.RunError(str(refusal)) from None
