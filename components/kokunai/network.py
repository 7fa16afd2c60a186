"""Private networks, and what may reach a node from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

from kokunai import resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai.blueprint import Blueprint, NetworkPlan

# Linux' own range of outgoing ports; the filter is stateless, so replies need a rule.
_EPHEMERAL_PORTS = "32768-60999"
_DNS, _NTP, _SSH = "53", "123", "22"


def switch_props(plan: NetworkPlan, blueprint: Blueprint) -> dict[str, Any]:
    """Plain inputs of the switch of a network."""
    return {
        "name": f"{blueprint.spec.name}-{plan.spec.name}",
        "zone": plan.zone,
        "site": plan.site.key,
        "labels": blueprint.labels,
    }


def filter_props(zone: str, site: str, blueprint: Blueprint) -> dict[str, Any]:
    """Plain inputs of the packet filter of a zone."""
    return {
        "name": f"{blueprint.spec.name}-{zone}",
        "zone": zone,
        "site": site,
        "labels": blueprint.labels,
        "rules": ingress_rules(blueprint.spec.access.ssh_from),
    }


def ingress_rules(ssh_from: Sequence[str]) -> list[dict[str, str]]:
    """SSH from the given networks, replies to what a node asked itself, and nothing else."""
    ssh = [_rule("tcp", "ssh", sourceNetwork=one, destinationPort=_SSH) for one in ssh_from]
    return [
        *ssh,
        _rule("tcp", "replies", destinationPort=_EPHEMERAL_PORTS),
        _rule("udp", "DNS replies", sourcePort=_DNS),
        _rule("udp", "NTP replies", sourcePort=_NTP),
        _rule("icmp", "path MTU and ping"),
        _rule("fragment", "fragments of the above"),
        {"protocol": "ip", "action": "deny", "description": "everything else"},
    ]


def _rule(protocol: str, description: str, **where: str) -> dict[str, str]:
    return {"protocol": protocol, "action": "allow", "description": description, **where}


class ClusterNetwork(pulumi.ComponentResource):
    """A private network; `switch_id` is what servers and file servers connect to."""

    switch_id: pulumi.Output[str]

    def __init__(
        self,
        plan: NetworkPlan,
        blueprint: Blueprint,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("kokunai:index:ClusterNetwork", plan.spec.name, None, opts)
        switch = resources.Switch(
            plan.spec.name, switch_props(plan, blueprint), pulumi.ResourceOptions(parent=self)
        )
        self.switch_id = switch.id
        self.register_outputs({"switchId": switch.id})
