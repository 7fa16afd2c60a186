"""The component `ClusterNetwork`: a private network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import capacity, catalog, declarations, model, resolved
from kokunai.errors import KokunaiError
from kokunai.program_errors import told_without_traceback
from kokunai.settings import StackSettings

if TYPE_CHECKING:
    from kokunai.contracts import Contract
    from kokunai.parts import Part


class ClusterNetwork(pulumi.ComponentResource):
    """A private layer-2 network that node pools and file shares of one site join.

    Arguments are the fields of `model.Network`. Raises KokunaiError, before anything is declared,
    for what is misspelt, cannot be had at the site, or is refused by the domestic-data rules.
    """

    network_id: pulumi.Output[str]
    """The provider's id of the network; empty while a contract for it is not in use."""

    def __init__(
        self,
        name: str,
        *,
        site: str,
        cidr: str,
        zone: str | None = None,
        contract: str | None = None,
        allow_any_range: bool = False,
        was: str | None = None,
        settings: StackSettings | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`site` is a key of the catalogue, `cidr` an IPv4 network such as 192.168.10.0/24.

        `allow_any_range` lets it lie outside the private ranges. `contract` is a key of a
        contract file.
        """
        with told_without_traceback():
            self.settings = settings or StackSettings.from_config()
            stack = declarations.of(self.settings)
            given: dict[str, Any] = {"name": name, "site": site, "cidr": cidr, "zone": zone}
            given |= {"allow_any_range": allow_any_range, "contract": contract, "was": was}
            spec = stack.checked("networks", model.Network, given)
            self.resolved = resolve(spec, [], self.settings.contract(spec.contract))
            stack.judge(parts := parts_of(self.resolved, self.settings))
            merged = stack.options(opts, was)
        stack.accept("networks", spec, zone=self.resolved.zone)
        super().__init__("kokunai:index:ClusterNetwork", name, None, merged)
        made = stack.declare(parts, pulumi.ResourceOptions(parent=self))
        self.network_id = made[0].id if made else pulumi.Output.from_input("")
        self.register_outputs({"networkId": self.network_id})


def resolve(
    spec: model.Network, offers: list[catalog.Offer], contract: Contract | None = None
) -> resolved.Network:
    """The network with its zone; `offers` are those of the pools that will join it."""
    service = resolved.service_of(spec)
    zone = capacity.networks(service.driver).zone(spec, service, offers)
    return resolved.Network(spec, service, zone, contract)


def parts_of(network: resolved.Network, settings: StackSettings) -> list[Part]:
    """What will be declared, the network itself first."""
    return capacity.networks(network.service.driver).network_parts(network, settings)


def shared_settings(given: StackSettings | None, network: ClusterNetwork | None) -> StackSettings:
    """Those given, else those of the network, else those of the stack file.

    Raises KokunaiError where the network belongs to other settings, and so to another account.
    """
    if network is None:
        return given if given is not None else StackSettings.from_config()
    if given is not None and given is not network.settings:
        name = network.resolved.spec.name
        raise KokunaiError(
            ja=f'ClusterNetwork("{name}") は別の settings のものです。同じものを渡してください',
            en=f'ClusterNetwork("{name}") was made with other settings; pass the same ones',
        )
    return network.settings
