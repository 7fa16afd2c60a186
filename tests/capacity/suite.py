"""What every driver of capacity must do, run on its emulator: inherit `CapacitySuite`, name yours.

The parts that the driver's door declares for a small stack go through the plugin's own kinds over
gRPC, as the engine would send them, and the emulator is asked what there is.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

import kokunai
from kokunai import capacity, catalog, model, resolved
from kokunai.parts import Link, Part
from kokunai.plugin import waiting
from kokunai.plugin.module import Module
from kokunai.plugin.settings import Settings
from support.lab_client import LabClient
from support.plugin_engine import Engine, Failed, running, urn


@dataclass
class Made:
    """One part as the stack's state has it."""

    part: Part
    where: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass
class Stack:
    """Creates parts in their order, each with what the earlier ones became."""

    engine: Engine
    made: dict[tuple[str, str], Made] = field(default_factory=dict)
    owner: str = "0123456789abcdef"
    """The id of the stack's `Owner`."""
    seed: str = "5" * 64
    """The secret of the stack's `Owner`."""

    async def create(self, parts: list[Part]) -> None:
        for part in parts:
            where = urn(part.pulumi_type, part.name)
            owned = {**part.props, "owner": self.owner}
            inputs, problems = await self.engine.check(where, self._resolved(owned))
            assert problems == {}
            id_, outputs = await self.engine.create(where, inputs)
            self.made[part.key] = Made(part, where, id_, inputs, outputs)

    def _resolved(self, value: Any) -> Any:
        """A declared value with every link replaced by what it stands for."""
        if isinstance(value, Link) and value.output == "hostKeySeed":
            return self.seed
        if isinstance(value, Link):
            target = self.made[value.pulumi_type, value.name]
            return target.id if value.output == "id" else target.outputs[value.output]
        if isinstance(value, dict):
            return {key: self._resolved(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        return value

    async def delete(self) -> None:
        for made in reversed(self.made.values()):
            await self.engine.delete(made.where, made.id, made.outputs)

    @property
    def ids(self) -> dict[str, str]:
        return {made.where: made.id for made in self.made.values()}


class CapacitySuite:
    """A driver names its offer and the plugin's module that makes what the door declares."""

    offer: ClassVar[str]
    """Key of an offer that the driver delivers."""
    module: ClassVar[Callable[[], Module]]
    """The plugin's module with its kinds."""
    config: ClassVar[dict[str, Any]] = {}
    """Provider inputs beside those that the lab gives, for example a quick pace."""
    has_storage: ClassVar[bool] = False
    """Whether the driver makes file servers, too."""
    contract: ClassVar[str | None] = None
    """Key of the contract by which all of it is had."""
    adopts: ClassVar[bool] = False
    """Whether create adopts and delete forgets, so that nothing changes at the provider."""

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The emulator has no delays, so waiting for it may be short."""
        monkeypatch.setattr(waiting, "_FIRST_POLL_SECONDS", 0.02)
        monkeypatch.setattr(waiting, "_LONGEST_POLL_SECONDS", 0.1)
        monkeypatch.setattr(waiting, "_FIRST_WAIT_SECONDS", 0.01)

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Iterator[LabClient]:
        lab = LabClient(tmp_path / "lab")
        lab.start()
        yield lab
        lab.stop()

    @pytest.fixture
    async def stack(self, lab: LabClient) -> AsyncIterator[Stack]:
        async with self.opened(lab) as engine:
            yield Stack(engine)

    @pytest.fixture
    def parts(self, tmp_path: Path) -> list[Part]:
        """Two nodes on a network, and a file server where the driver makes them."""
        self.write_key(tmp_path)
        access = {"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]}
        settings = kokunai.StackSettings(
            name="demo",
            data_class="internal",
            lab=True,
            access=access,
            contracts=self.contract_files(tmp_path),
            root=tmp_path,
        )
        return self.declared(settings)

    def write_key(self, root: Path) -> None:
        """The stack's key, which no emulator looks at."""
        (root / "id").write_text("private")
        (root / "id.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 demo\n")

    def contract_files(self, root: Path) -> list[str]:
        """Contract files of the stack, written into its root."""
        return []

    def markable(self, parts: list[Part]) -> list[Part]:
        """A part that shows at the provider whose it is."""
        return parts[:1]

    def use(self, stack: Stack) -> None:
        """What a stack does with what it has made, where only that marks it as its own."""

    @contextlib.asynccontextmanager
    async def opened(self, lab: LabClient) -> AsyncIterator[Engine]:
        """A plugin of its own, configured for the lab as the environment would configure it."""
        module = type(self).module()
        sections = [module.section] if module.section else []
        resolved_config = Settings(sections).resolve(self.config, lab.environment)
        async with running(module) as engine:
            await engine.configure(resolved_config)
            yield engine

    def import_id(self, made: Made) -> str:
        """What a user writes to import it."""
        return made.id

    def declared(self, settings: kokunai.StackSettings) -> list[Part]:
        """What the doors of the driver declare, in an order in which links can be resolved."""
        [offer] = [row for row in catalog.offers() if row.key == self.offer]
        door, networks = capacity.door(offer.driver), capacity.networks(offer.driver)
        contract = settings.contract(self.contract)
        network_spec = model.Network(
            name="cluster", site=offer.site, cidr="192.168.10.0/24", contract=self.contract
        )
        zone = networks.zone(network_spec, catalog.service(offer.site), [offer])
        network = resolved.network(network_spec, zone, contract)
        shares = []
        if self.has_storage:
            storage = model.Storage(name="data", network="cluster", size_gib=100, mount="/mnt/data")
            shares.append(resolved.share(storage, network, contract))
        pool_spec = model.GpuNodePool(
            name="train",
            site=offer.site,
            gpu=offer.gpu,
            offer=offer.key,
            node_count=2,
            network="cluster",
            contract=self.contract,
        )
        pool = resolved.pool(pool_spec, offer, network, shares, contract)
        return [
            *networks.network_parts(network, settings),
            *(part for share in shares for part in networks.share_parts(share, settings)),
            *door.shared_parts(pool, settings),
            *door.parts(pool, settings),
        ]

    async def test_every_node_becomes_a_host_that_can_be_reached(
        self, stack: Stack, parts: list[Part]
    ) -> None:
        await stack.create(parts)

        for made in stack.made.values():
            assert all(made.outputs.get(name) for name in made.part.wanted or ())

    async def test_what_was_made_is_read_back_as_it_was_asked_for(
        self, stack: Stack, parts: list[Part]
    ) -> None:
        await stack.create(parts)

        for made in stack.made.values():
            id_, inputs, outputs = await stack.engine.read(
                made.where, made.id, made.outputs, made.inputs
            )
            assert (id_, inputs) == (made.id, made.inputs)
            assert await changes(stack.engine, replace(made, outputs=outputs), inputs) == set()

    async def test_an_import_needs_no_change(self, stack: Stack, parts: list[Part]) -> None:
        await stack.create(parts)

        for made in stack.made.values():
            id_, inputs, outputs = await stack.engine.read(made.where, self.import_id(made))
            assert id_ == made.id
            imported = replace(made, inputs=inputs, outputs=outputs)
            assert await changes(stack.engine, imported, made.inputs) == set()

    async def test_what_the_state_lost_is_taken_over_and_not_made_twice(
        self, lab: LabClient, stack: Stack, parts: list[Part]
    ) -> None:
        """A plugin that was killed before the engine knew of what it had made."""
        await stack.create(parts)
        there = lab.counts()

        async with self.opened(lab) as engine:
            again = Stack(engine)
            await again.create(parts)

        assert again.ids == stack.ids
        assert lab.counts() == there

    async def test_what_a_stack_of_another_owner_made_is_never_taken_over(
        self, stack: Stack, parts: list[Part]
    ) -> None:
        shown = self.markable(parts)
        await stack.create(shown)
        [made] = stack.made.values()
        self.use(stack)
        other = Stack(stack.engine, owner="fedcba9876543210")

        with contextlib.suppress(Failed):  # a driver that cannot see the other's makes its own
            await other.create(shown)

        assert made.id not in other.ids.values()
        id_, inputs, _ = await stack.engine.read(made.where, made.id, made.outputs, made.inputs)
        assert (id_, inputs) == (made.id, made.inputs)

    async def test_other_labels_are_an_update_in_place(
        self, lab: LabClient, stack: Stack, parts: list[Part]
    ) -> None:
        await stack.create(parts)
        there = lab.counts()

        for made in stack.made.values():
            news = {**made.inputs, "labels": {**made.inputs["labels"], "cost-centre": "research"}}
            assert await changes(stack.engine, made, news) == {"labels"}
            outputs = await stack.engine.update(
                made.where, made.id, made.outputs, made.inputs, news
            )
            assert outputs["labels"]["cost-centre"] == "research"
            _, inputs, _ = await stack.engine.read(made.where, made.id, outputs, news)
            assert inputs == news

        assert lab.counts() == there

    async def test_nothing_is_left_after_a_destroy_and_a_second_one_succeeds(
        self, lab: LabClient, stack: Stack, parts: list[Part]
    ) -> None:
        before = lab.counts()
        await stack.create(parts)
        assert self.adopts or lab.counts() != before

        await stack.delete()
        await stack.delete()

        assert lab.counts() == before

    async def test_what_somebody_else_deleted_is_read_as_gone(
        self, stack: Stack, parts: list[Part]
    ) -> None:
        await stack.create(parts)
        await stack.delete()

        for made in stack.made.values():
            id_, _, _ = await stack.engine.read(made.where, made.id, made.outputs, made.inputs)
            assert id_ == ""


async def changes(engine: Engine, made: Made, news: dict[str, Any]) -> set[str]:
    """Properties that a preview would show as changed, in place."""
    answer = await engine.diff(made.where, made.id, made.outputs, made.inputs, news)
    assert not answer.replaces
    return {re.split(r"[.\[]", path)[0] for path in answer.detailedDiff}
