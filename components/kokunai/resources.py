"""Thin Pulumi classes of the plugin's resource kinds; inputs are the kind's own camelCase names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "kokunai"


class Provider(pulumi.ProviderResource):
    """One account and endpoint; what is left out comes from the environment of the plugin."""

    def __init__(
        self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(PACKAGE, name, dict(props), opts)


class Kind(pulumi.CustomResource):
    """A resource of the plugin; `outputs` names what the plugin adds to the inputs.

    A replacement deletes first: addresses and GPUs are scarce, and a create finds by its tag
    what the same resource made before.
    """

    token: ClassVar[str]
    outputs: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, name: str, props: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        in_order = pulumi.ResourceOptions(delete_before_replace=True)
        merged = pulumi.ResourceOptions.merge(in_order, opts)
        super().__init__(self.token, name, {**dict.fromkeys(self.outputs), **props}, merged)


class SshKey(Kind):
    """A public key registered with the provider."""

    token = "kokunai:sakura:SshKey"  # noqa: S105 - a type token
    outputs = ("fingerprint",)


class Switch(Kind):
    """A private layer-2 segment."""

    token = "kokunai:sakura:Switch"  # noqa: S105 - a type token


class PacketFilter(Kind):
    """Stateless rules for packets that reach a server, first match wins."""

    token = "kokunai:sakura:PacketFilter"  # noqa: S105 - a type token


class Nfs(Kind):
    """A file server appliance on a switch."""

    token = "kokunai:sakura:Nfs"  # noqa: S105 - a type token


class Server(Kind):
    """A server with its disks and network interfaces."""

    token = "kokunai:sakura:Server"  # noqa: S105 - a type token
    outputs = ("serverId", "address", "addresses", "instanceStatus")

    serverId: pulumi.Output[str]  # noqa: N815 - the plugin's name
    address: pulumi.Output[str]


class Configuration(Kind):
    """One Ansible run over the hosts of a pool, again only where something changed."""

    token = "kokunai:ansible:Configuration"  # noqa: S105 - a type token
    outputs = ("hostDigests", "results", "verified", "hostKeys", "drift")

    verified: pulumi.Output[dict[str, Any]]
    results: pulumi.Output[dict[str, Any]]
