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


class Host(Kind):
    """A machine that a contract hands over: adopted and checked, never made or removed."""

    pulumi_type = "kokunai:contract:Host"
    outputs = (
        "serverId",
        "facts",
        "findings",
    )

    serverId: pulumi.Output[str]
    facts: pulumi.Output[Any]
    findings: pulumi.Output[list[Any]]


class Network(Kind):
    """A network that a contract hands over: declared, not made."""

    pulumi_type = "kokunai:contract:Network"


class Share(Kind):
    """A file system that a contract hands over: declared, not made."""

    pulumi_type = "kokunai:contract:Share"


class SlurmCluster(Kind):
    """GPUs of a Slurm cluster, reached through its login node and looked at with a short job."""

    pulumi_type = "kokunai:contract:SlurmCluster"
    outputs = (
        "version",
        "partitions",
        "verified",
    )

    version: pulumi.Output[str]
    partitions: pulumi.Output[list[Any]]
    verified: pulumi.Output[dict[str, Any]]


class Owner(Kind):
    """A random id, kept in the state alone, that marks what a stack makes at a seller."""

    pulumi_type = "kokunai:index:Owner"
    outputs = ("hostKeySeed",)

    hostKeySeed: pulumi.Output[str]


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


class DedicatedServer(Kind):
    """A server under contract (Sakura PHY), adopted and not ordered; a delete releases it."""

    pulumi_type = "kokunai:sakura:DedicatedServer"
    outputs = (
        "address",
        "hostIdentity",
        "nickname",
        "planName",
        "activated",
        "powerStatus",
        "installation",
        "ownerDigest",
    )

    address: pulumi.Output[str]
    hostIdentity: pulumi.Output[str]
    nickname: pulumi.Output[str]
    planName: pulumi.Output[str]
    activated: pulumi.Output[str]
    powerStatus: pulumi.Output[str]
    installation: pulumi.Output[str]
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
        "hostKey",
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
    hostKey: pulumi.Output[str]
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
