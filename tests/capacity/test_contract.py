"""The driver `contract` on hosts that were handed over: adopted and forgotten, never changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from suite import CapacitySuite, Stack

from kokunai.parts import Part
from kokunai.plugin.contract.module import contract
from support import contract_hosts as doubles
from support.catalogue import sellers
from support.contract_hosts import ContractHosts, by_contract, contract_hosts
from support.plugin_engine import Failed

__all__ = ["by_contract", "contract_hosts", "sellers"]


class TestContract(CapacitySuite):
    offer = doubles.OFFER
    module = contract
    has_storage = True
    contract: ClassVar = "box"
    adopts = True

    @pytest.fixture
    def lab(self, contract_hosts: ContractHosts) -> ContractHosts:
        """No API stands behind a contract."""
        self.hosts = contract_hosts
        return contract_hosts

    @pytest.fixture
    def parts(self, lab: Any, tmp_path: Path) -> list[Part]:
        """The same stack, once its contract file is there."""
        return CapacitySuite.parts.__wrapped__(self, tmp_path)

    def write_key(self, root: Path) -> None:
        """Hosts are really asked with it."""
        doubles.write_key(root)

    def contract_files(self, root: Path) -> list[str]:
        """One contract for hosts, network and share."""
        return self.hosts.write_contract()

    def markable(self, parts: list[Part]) -> list[Part]:
        """A host; networks and shares carry no mark."""
        return [part for part in parts if part.pulumi_type == "kokunai:contract:Host"][:1]

    def use(self, stack: Stack) -> None:
        """The role `base` marks the hosts."""
        self.hosts.mark(stack.owner)

    async def test_an_import_needs_no_change(self, stack: Stack, parts: list[Part]) -> None:
        """There is nothing to import: creating adopts."""
        await stack.create(parts)

        for made in stack.made.values():
            with pytest.raises(Failed, match="pulumi up adopts it"):
                await stack.engine.read(made.where, made.id)

    # A host that is silent may be there, so it is not taken for gone.
    test_what_somebody_else_deleted_is_read_as_gone = None

    async def test_a_host_that_is_silent_is_kept_with_a_warning(
        self, stack: Stack, parts: list[Part]
    ) -> None:
        await stack.create(parts)
        self.hosts.vanish()

        for made in stack.made.values():
            id_, inputs, outputs = await stack.engine.read(
                made.where, made.id, made.outputs, made.inputs
            )
            assert (id_, inputs, outputs) == (made.id, made.inputs, made.outputs)
        assert "its last state is kept" in stack.engine.log.said()

    async def test_forgetting_contacts_no_host_and_says_so(
        self, stack: Stack, parts: list[Part]
    ) -> None:
        await stack.create(parts)
        before = self.hosts.sent()

        await stack.delete()

        assert self.hosts.sent() == before
        assert stack.engine.log.said().count("neither stopped nor wiped") == 2
