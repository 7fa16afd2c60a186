"""Typed views of the answers of Sakura's PHY API: exactly the fields that are used."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from kokunai.drivers.sakura_views import Address, ResourceId, Text, View, Whole, Word

# As many as the largest account that is thinkable has of anything within one item.
_Tags = Annotated[list["Tag"], Field(max_length=100)]
_Ports = Annotated[list["Port"], Field(max_length=64)]
_Channels = Annotated[list["PortChannel"], Field(max_length=64)]


class Tag(View):
    """A tag, which only the control panel sets."""

    label: Text


class Plan(View):
    """What is under contract, for example a model of a server."""

    plan_id: Text
    name: Text


class Service(View):
    """A contract: a server, or a network."""

    service_id: ResourceId
    nickname: Text
    description: Text | None
    activated: Text
    product_category: Word
    tags: _Tags | None
    plan: Plan | None


class PortChannel(View):
    """Two interfaces of a server, bonded or not."""

    port_channel_id: Whole
    bonding_type: Word
    ports: Annotated[list[Whole], Field(max_length=64)]
    locked: bool
    link_speed_type: Word


class DedicatedSubnetOfPort(View):
    """A dedicated global network by its id."""

    dedicated_subnet_id: ResourceId


class Internet(View):
    """How a port reaches the internet."""

    subnet_type: Word
    dedicated_subnet: DedicatedSubnetOfPort | None


class PrivateNetworkOfPort(View):
    """A private network by its id."""

    private_network_id: ResourceId


class Port(View):
    """A logical port: one for a bond, else one for each interface."""

    port_id: Whole
    port_channel_id: Whole
    mode: Word | None
    enabled: bool
    internet: Internet | None
    private_networks: Annotated[list[PrivateNetworkOfPort], Field(max_length=4096)] | None


class GlobalAddress(View):
    """The address of a server on the internet."""

    ip_address: Address
    prefix_length: Whole
    gateway_address: Address


class CachedPower(View):
    """The power state that the API saw last."""

    status: Word


class Zone(View):
    """Where something stands."""

    region: Text


class Server(View):
    """A server; `lock_status` is None where nothing is being done to it."""

    server_id: ResourceId
    zone: Zone
    cached_power_status: CachedPower | None
    ipv4: GlobalAddress | None
    port_channels: _Channels
    ports: _Ports
    lock_status: Word | None


class OsImage(View):
    """An operating system that can be installed."""

    os_image_id: Text
    name: Text
    superuser_name: Text
    public_key_authentication: bool = False
    """Left out by early versions of the API, which had no keys."""


class Power(View):
    """The power state of the machine itself."""

    status: Word
