"""Declares a whole stack file: judges all of it first, then creates its components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import configuration, declarations, network, node_pool, resolved, stack_file, storage
from kokunai.configuration import NodeConfiguration
from kokunai.network import ClusterNetwork
from kokunai.node_pool import GpuNodePool
from kokunai.program_errors import told_without_traceback
from kokunai.settings import StackSettings, config_value, secrets_of
from kokunai.storage import SharedStorage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kokunai import model
    from kokunai.parts import Part


class Environment(pulumi.ComponentResource):
    """Everything that one stack file asks for, judged by the rules before the first resource.

    Raises KokunaiError with every mistake of the stack file and every finding of the rules.
    """

    nodes: dict[str, pulumi.Output[dict[str, Any]]]
    """By pool, what `GpuNodePool.nodes` holds."""
    verified: dict[str, pulumi.Output[dict[str, Any]]]
    """By pool, what `NodeConfiguration.verified` holds."""
    verdicts: dict[str, pulumi.Output[str]]
    """By pool, what `NodeConfiguration.verdicts` holds."""
    private_key_file: str
    """The SSH key that opens the nodes, relative to the project."""

    def __init__(
        self,
        spec: model.Environment,
        *,
        root: Path | None = None,
        secrets: Mapping[str, pulumi.Output[str]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`spec` is what `stack_file.read` returns; `root` and `secrets` as in `StackSettings`."""
        with told_without_traceback():
            self.settings = StackSettings.of(spec, root=root, secrets=secrets)
            declarations.of(self.settings).judge(parts_of(spec, self.settings))
        super().__init__("kokunai:index:Environment", spec.name, None, opts)
        self.settings.parent = self
        self.private_key_file = spec.access.private_key_file
        self.nodes, self.verified, self.verdicts = {}, {}, {}
        self._build(spec)
        self.register_outputs({"verdicts": self.verdicts})

    def _build(self, spec: model.Environment) -> None:
        shared: dict[str, Any] = {
            "settings": self.settings,
            "opts": pulumi.ResourceOptions(parent=self),
        }
        zones = {name: looked_up.zone for name, looked_up in _networks(spec).items()}
        networks = {
            row.name: ClusterNetwork(**{**row.model_dump(), "zone": zones[row.name]}, **shared)
            for row in spec.networks
        }
        shares = [
            SharedStorage(**{**row.model_dump(), "network": networks[row.network]}, **shared)
            for row in spec.storage
        ]
        for row in spec.pools:
            joined = networks[row.network] if row.network else None
            mounted = [share for share in shares if share.resolved.spec.network == row.network]
            arguments = {**row.model_dump(), "network": joined, "storage": mounted}
            pool = GpuNodePool(**arguments, **shared)
            nodes = NodeConfiguration(row.name, pool=pool, opts=shared["opts"])
            self.nodes[row.name], self.verified[row.name] = pool.nodes, nodes.verified
            self.verdicts[row.name] = nodes.verdicts

    @classmethod
    def from_config(cls) -> Environment:
        """What `kokunai:environment` of the running stack asks for.

        Raises KokunaiError, which Pulumi shows as one message without a traceback.
        """
        config = pulumi.Config("kokunai")
        with told_without_traceback():
            spec = stack_file.read(config_value(config, stack_file.KEY))
            return cls(spec, secrets=secrets_of(config))


def parts_of(spec: model.Environment, settings: StackSettings) -> list[Part]:
    """Everything that a stack file will declare, in the order of its declaration."""
    networks = _networks(spec)
    shares = [resolved.share(row, networks[row.network]) for row in spec.storage]
    parts = [part for row in networks.values() for part in network.parts_of(row, settings)]
    parts += [part for share in shares for part in storage.parts_of(share, settings)]
    for row in spec.pools:
        mounted = [share for share in shares if share.spec.network == row.network]
        joined = networks[row.network] if row.network else None
        pool = resolved.pool(row, resolved.offer_of(row), joined, mounted)
        for group in node_pool.parts_of(pool, settings):
            parts += group
        parts += configuration.parts_of(row.name, pool, settings)
    return parts


def _networks(spec: model.Environment) -> dict[str, resolved.Network]:
    """The networks by name, each in the zone in which its pools are sold."""
    return {
        row.name: network.resolve(
            row, [resolved.offer_of(pool) for pool in spec.pools if pool.network == row.name]
        )
        for row in spec.networks
    }
