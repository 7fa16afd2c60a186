"""Hosts of the lab that stand for machines which an operator hands over by contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kokunai.lab.emulators import Lab, Service
    from kokunai.lab.places import Places


class ContractHosts:
    """The registered emulator: no seller's API, but what an operator does before a delivery."""

    name = "contract_hosts"
    prefix = "/contract-hosts"

    def environment(self, places: Places) -> dict[str, str]:  # noqa: ARG002 - of the protocol
        """Nothing: such hosts are reached by SSH alone."""
        return {}

    def open(self, lab: Lab) -> Service:
        """Make the service."""
        from kokunai.lab.contract_hosts.service import ContractHostsService

        return ContractHostsService(lab)


EMULATOR = ContractHosts()
