"""The plugin's kinds as Pulumi classes."""

# Written by `python -m kokunai.plugin.generate_kinds`; a test holds the two together.

# Property names are the plugin's own, and Pulumi reads the annotations at run time.
# ruff: noqa: N815, TC002

from __future__ import annotations

from typing import Any

import pulumi

from kokunai.resources import Kind


class Configuration(Kind):
    """The playbooks on every host of a pool, again only where something changed."""

    pulumi_type = "kokunai:ansible:Configuration"
    outputs = (
        "hostDigests",
        "results",
        "verified",
        "hostKeys",
        "drift",
    )

    hostDigests: pulumi.Output[dict[str, Any]]
    results: pulumi.Output[dict[str, Any]]
    verified: pulumi.Output[dict[str, Any]]
    hostKeys: pulumi.Output[dict[str, Any]]
    drift: pulumi.Output[dict[str, Any]]


class Owner(Kind):
    """A random id, kept in the state alone, that marks what a stack makes at a seller."""

    pulumi_type = "kokunai:index:Owner"


class Bucket(Kind):
    """A bucket of the object storage, with a key of its own."""

    pulumi_type = "kokunai:sakura:Bucket"
    outputs = (
        "endpointUrl",
        "region",
        "accessKeyId",
        "secretAccessKey",
        "ownerDigest",
    )

    endpointUrl: pulumi.Output[str]
    region: pulumi.Output[str]
    accessKeyId: pulumi.Output[str]
    secretAccessKey: pulumi.Output[str]
    ownerDigest: pulumi.Output[str]


class Nfs(Kind):
    """A file server appliance on a switch."""

    pulumi_type = "kokunai:sakura:Nfs"
    outputs = (
        "instanceStatus",
        "ownerDigest",
    )

    instanceStatus: pulumi.Output[str]
    ownerDigest: pulumi.Output[str]


class PacketFilter(Kind):
    """Stateless rules before the interfaces of servers."""

    pulumi_type = "kokunai:sakura:PacketFilter"
    outputs = ("ownerDigest",)

    ownerDigest: pulumi.Output[str]


class Router(Kind):
    """A router with a switch and a block of public addresses."""

    pulumi_type = "kokunai:sakura:Router"
    outputs = (
        "routerId",
        "switchId",
        "network",
        "gateway",
        "addresses",
        "ownerDigest",
    )

    routerId: pulumi.Output[str]
    switchId: pulumi.Output[str]
    network: pulumi.Output[str]
    gateway: pulumi.Output[str]
    addresses: pulumi.Output[list[str]]
    ownerDigest: pulumi.Output[str]


class Server(Kind):
    """A server with its disks and network interfaces."""

    pulumi_type = "kokunai:sakura:Server"
    outputs = (
        "instanceStatus",
        "serverId",
        "diskIds",
        "interfaceIds",
        "address",
        "addresses",
        "macAddresses",
        "zoneName",
        "configDigest",
        "ownerDigest",
    )

    instanceStatus: pulumi.Output[str]
    serverId: pulumi.Output[str]
    diskIds: pulumi.Output[list[str]]
    interfaceIds: pulumi.Output[list[str]]
    address: pulumi.Output[str]
    addresses: pulumi.Output[list[str]]
    macAddresses: pulumi.Output[list[str]]
    zoneName: pulumi.Output[str]
    configDigest: pulumi.Output[str]
    ownerDigest: pulumi.Output[str]


class SshKey(Kind):
    """A public key registered with the account."""

    pulumi_type = "kokunai:sakura:SshKey"
    outputs = (
        "fingerprint",
        "ownerDigest",
    )

    fingerprint: pulumi.Output[str]
    ownerDigest: pulumi.Output[str]


class Switch(Kind):
    """A private layer-2 segment."""

    pulumi_type = "kokunai:sakura:Switch"
    outputs = ("ownerDigest",)

    ownerDigest: pulumi.Output[str]


class DataHolders(Kind):
    """Everything in the stack that holds data, compared before anything else is changed."""

    pulumi_type = "kokunai:stack:DataHolders"
