"""Declares a whole stack file: judges all of it first, then creates its components."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import (
    configuration,
    declarations,
    network,
    node_pool,
    object_storage,
    resolved,
    stack_file,
    storage,
)
from kokunai.configuration import NodeConfiguration
from kokunai.contracts import pairing
from kokunai.network import ClusterNetwork
from kokunai.node_pool import GpuNodePool
from kokunai.object_storage import ObjectStorage
from kokunai.program_errors import told_without_traceback
from kokunai.settings import StackSettings, config_value, secrets_of
from kokunai.stack_paths import Placed, located
from kokunai.storage import SharedStorage
from kokunai_policy import Refusal

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
    offers: dict[str, dict[str, Any]]
    """By pool, what `GpuNodePool.offer` holds."""
    verified: dict[str, pulumi.Output[dict[str, Any]]]
    """By pool, what `NodeConfiguration.verified` holds."""
    verdicts: dict[str, pulumi.Output[str]]
    """By pool, what `NodeConfiguration.verdicts` holds."""
    buckets: dict[str, ObjectStorage]
    """By name, with their keys."""
    contracts: dict[str, dict[str, Any]]
    """By key, every contract as it stands: state, offer, dates and price."""
    private_key_file: str
    """The SSH key that opens the nodes, relative to the project."""

    def __init__(
        self,
        spec: model.Environment,
        *,
        root: Path | None = None,
        secrets: Mapping[str, pulumi.Output[str]] | None = None,
        is_of_config: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`spec` is what `stack_file.read` returns; the rest is as in `StackSettings.of`."""
        with told_without_traceback():
            self.settings = StackSettings.of(
                spec, root=root, secrets=secrets, is_of_config=is_of_config
            )
            self._judge(placed_parts(spec, self.settings))
        super().__init__("kokunai:index:Environment", spec.name, None, opts)
        self.settings.parent = self
        self.private_key_file = spec.access.private_key_file
        self.nodes, self.offers, self.verified, self.verdicts = {}, {}, {}, {}
        self.contracts = {key: row.outputs() for key, row in self.settings.contracts.items()}
        self._build(spec)
        said = {"contracts": self.contracts} if self.contracts else {}
        self.register_outputs({"verdicts": self.verdicts, **said})

    def _judge(self, placed: list[Placed]) -> None:
        """Raises KokunaiError with every finding, at its place in the stack file."""
        try:
            declarations.of(self.settings).judge([row.part for row in placed])
        except Refusal as refused:
            raise Refusal(located(refused.findings, placed)) from None

    def _build(self, spec: model.Environment) -> None:
        shared: dict[str, Any] = {
            "settings": self.settings,
            "opts": pulumi.ResourceOptions(parent=self),
        }
        looked_up = _networks(spec, self.settings)
        zones = {name: network.zone for name, network in looked_up.items()}
        networks = {
            row.name: ClusterNetwork(**{**row.model_dump(), "zone": zones[row.name]}, **shared)
            for row in spec.networks
        }
        shares = [
            SharedStorage(**{**row.model_dump(), "network": networks[row.network]}, **shared)
            for row in spec.storage
        ]
        self.buckets = {
            row.name: ObjectStorage(**row.model_dump(), **shared) for row in spec.buckets
        }
        for row in spec.pools:
            joined = networks[row.network] if row.network else None
            mounted = [share for share in shares if share.resolved.spec.network == row.network]
            arguments = {**row.model_dump(), "network": joined, "storage": mounted}
            pool = GpuNodePool(**arguments, **shared)
            nodes = NodeConfiguration(row.name, pool=pool, opts=shared["opts"])
            self.nodes[row.name], self.verified[row.name] = pool.nodes, nodes.verified
            self.offers[row.name], self.verdicts[row.name] = _said(pool.offer), nodes.verdicts

    @classmethod
    def from_config(cls) -> Environment:
        """What `kokunai:environment` of the running stack asks for.

        Raises KokunaiError, which Pulumi shows as one message without a traceback.
        """
        config = pulumi.Config("kokunai")
        with told_without_traceback():
            spec = stack_file.read(config_value(config, stack_file.KEY))
            return cls(spec, secrets=secrets_of(config), is_of_config=True)

    @classmethod
    async def from_config_async(cls) -> Environment:
        """The same for a program that `pulumi.run` is given: quicker with hundreds of nodes.

        One turn of the event loop lets the registrations begin. Until they have begun, Pulumi's
        SDK (3.272) goes over all outstanding outputs again whenever one of them becomes known.
        """
        environment = cls.from_config()
        await asyncio.sleep(0)
        return environment


def parts_of(spec: model.Environment, settings: StackSettings) -> list[Part]:
    """Everything that a stack file will declare, in the order of its declaration."""
    return [placed.part for placed in placed_parts(spec, settings)]


def placed_parts(spec: model.Environment, settings: StackSettings) -> list[Placed]:
    """The same, each part with the row of the stack file that asks for it.

    Raises KokunaiError for what does not fit the contracts.
    """
    _refuse_unfit(spec, settings)
    networks = _networks(spec, settings)
    shares = [
        resolved.share(row, networks[row.network], settings.contract(row.contract))
        for row in spec.storage
    ]
    placed = [
        Placed(part, "networks", index)
        for index, row in enumerate(networks.values())
        for part in network.parts_of(row, settings)
    ]
    placed += [
        Placed(part, "storage", index)
        for index, share in enumerate(shares)
        for part in storage.parts_of(share, settings)
    ]
    placed += _placed_buckets(spec, settings)
    for index, row in enumerate(spec.pools):
        joined = networks[row.network] if row.network else None
        mounted = [
            at
            for at, share in enumerate(shares)
            if share.spec.network == row.network and share.is_there
        ]
        given = [shares[at] for at in mounted]
        contract = settings.contract(row.contract)
        pool = resolved.pool(row, resolved.offer_of(row), joined, given, contract)
        common, own = node_pool.parts_of(pool, settings)
        own += configuration.parts_of(row.name, pool, settings)
        placed += [Placed(part) for part in common]
        placed += [Placed(part, "pools", index, tuple(mounted)) for part in own]
    return placed


def _placed_buckets(spec: model.Environment, settings: StackSettings) -> list[Placed]:
    return [
        Placed(part, "buckets", index)
        for index, bucket in enumerate(spec.buckets)
        for part in object_storage.parts_of(bucket, settings)
    ]


def _refuse_unfit(spec: model.Environment, settings: StackSettings) -> None:
    rows = {
        section: [row.model_dump() for row in getattr(spec, section)]
        for section in ("networks", "storage", "pools")
    }
    if found := list(pairing.problems(rows, settings.contracts)):
        where = f"config.{stack_file.KEY}"
        raise stack_file.refusal_of(found, where, "スタックファイルに", " in the stack file")


def _networks(spec: model.Environment, settings: StackSettings) -> dict[str, resolved.Network]:
    """The networks by name, each in the zone in which its pools are sold."""
    return {
        row.name: network.resolve(
            row,
            [resolved.offer_of(pool) for pool in spec.pools if pool.network == row.name],
            settings.contract(row.contract),
        )
        for row in spec.networks
    }


def _said(offer: dict[str, Any]) -> dict[str, Any]:
    """Short, since Pulumi shows the whole map when one figure changes.

    What says nothing is left out, and the ways of access are one text, such as `wvs2, internet`.
    """
    told = {**offer, "access": ", ".join(offer["access"])}
    return {key: value for key, value in told.items() if value is not None and value is not False}
