"""Typed views of the IaaS API's items: exactly the fields that are used, each of its type.

A field is required where its absence would be taken for "there is none": a server without the key
`Interfaces` would get second ones. What else an item has is dropped.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_ID = re.compile(r"[0-9]{1,12}")
_RESOURCE_ID = re.compile(r"[0-9]{12}")
# Line ends and tabs stay, because descriptions and scripts may have them.
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LARGEST = 2**53
"""The largest integer that the engine's numbers keep exactly."""


def _id(value: object) -> str:
    """An id as text; some zones and options send numbers."""
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not _ID.fullmatch(text):
        raise ValueError("not an id")
    return text


def _resource_id(value: str) -> str:
    if not _RESOURCE_ID.fullmatch(value):
        raise ValueError("not an id of 12 digits")
    return value


def _safe(value: str) -> str:
    """Text that cannot steer a terminal; what was replaced shows as a difference and is mended."""
    return _UNSAFE.sub("\ufffd", value)


def _address(value: str) -> str:
    return str(ipaddress.IPv4Address(value)) if value else ""


Id = Annotated[str, BeforeValidator(_id)]
ResourceId = Annotated[Id, AfterValidator(_resource_id)]
Text = Annotated[str, AfterValidator(_safe)]
Word = Annotated[str, Field(max_length=40, pattern=r"^[A-Za-z0-9_.:-]*$")]
Address = Annotated[str, AfterValidator(_address)]
Whole = Annotated[int, Field(ge=0, le=_LARGEST)]


class View(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, hide_input_in_errors=True)


class Link(View):
    """Another item by its id."""

    ID: Id


class Named(View):
    """What has an id and a name."""

    ID: Id
    Name: Text


class Described(Named):
    """What an account can make and describe."""

    ID: ResourceId
    Description: Text | None
    CreatedAt: Text | None = None


class Tagged(Described):
    """What an account can make and tag."""

    Tags: list[Text] | None


class Instance(View):
    """The power state."""

    Status: Word | None


class Segment(View):
    """The switch of an interface; the shared segment is one, too."""

    ID: Id | None = None
    Scope: Word | None = None


class InterfaceOfServer(View):
    """A network interface without its server."""

    ID: ResourceId
    MACAddress: Text | None = None
    IPAddress: Address | None
    UserIPAddress: Address | None
    Switch: Segment | None
    PacketFilter: Link | None = None


class DiskOfServer(View):
    """A disk without its server and tags."""

    ID: ResourceId
    SizeMB: Whole
    Plan: Link


class SoldServerPlan(View):
    """What a server has, or what a zone sells."""

    CPU: Whole
    MemoryMB: Whole
    GPU: Whole | None = None
    GPUModel: Text | None = None
    CPUModel: Text | None = None
    Commitment: Text | None = None
    Generation: Whole | None = None
    Availability: Text = "available"


class ZoneName(View):
    """The zone in which something is."""

    Name: Text


class Server(Tagged):
    """A server with its disks and interfaces."""

    HostName: Text | None = None
    ServerPlan: SoldServerPlan
    Zone: ZoneName | None = None
    Instance: Instance | None
    Disks: list[DiskOfServer] | None
    Interfaces: list[InterfaceOfServer]


class Disk(Tagged):
    """A disk and where it is plugged in."""

    SizeMB: Whole
    MigratedMB: Whole | None = None
    Availability: Word
    Plan: Link
    Server: Link | None
    SourceArchive: Link | None = None


class Switch(Tagged):
    """A switch."""


class Subnet(View):
    """An address block that is routed to a switch."""

    NetworkAddress: Address
    NetworkMaskLen: Annotated[int, Field(ge=8, le=32)]
    DefaultRoute: Address | None = None
    NextHop: Address | None = None


class RouterSwitch(View):
    """The switch of a router; its blocks come a moment after it."""

    ID: ResourceId
    Subnets: list[Subnet] | None = None


class Internet(Tagged):
    """A router with its switch."""

    BandWidthMbps: Whole
    NetworkMaskLen: Whole
    Switch: RouterSwitch | None


class Expression(View):
    """A rule of a packet filter."""

    Protocol: Text
    SourceNetwork: Text | None = None
    SourcePort: Text | None = None
    DestinationPort: Text | None = None
    Action: Text
    Description: Text | None = None


class PacketFilter(Described):
    """A packet filter with its rules."""

    Expression: list[Expression] | None


class SshKey(Described):
    """A registered public key."""

    PublicKey: Text
    Fingerprint: Text | None = None


class Note(Named):
    """A startup script, or data that the API publishes as one."""

    Tags: list[Text] | None = None
    Content: Text | None = None


class ServerAddress(View):
    """The address of an appliance."""

    IPAddress: Address


class Network(View):
    """Mask and route of an appliance."""

    NetworkMaskLen: Whole
    DefaultRoute: Address | None = None


class NfsRemark(View):
    """What a file server was made of."""

    Network: Network
    Servers: Annotated[list[ServerAddress], Field(min_length=1)]
    Switch: Link | None = None
    Plan: Link | None = None


class Appliance(Tagged):
    """A file server; other appliances appear in lists, and of those only the name is read."""

    Class: Word
    Availability: Word
    Instance: Instance | None
    Plan: Link | None = None
    Switch: Link | None = None
    Remark: NfsRemark | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_the_make_up_of_others(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("Class") == "nfs":
            return value
        return {key: part for key, part in value.items() if key not in {"Remark", "Plan", "Switch"}}

    @model_validator(mode="after")
    def _is_whole(self) -> Appliance:
        if self.Class != "nfs":
            return self
        remark = self.Remark
        if remark is None or not (remark.Plan or self.Plan) or not (remark.Switch or self.Switch):
            raise ValueError("a file server without plan, switch or address")
        return self


class Archive(Named):
    """An image."""

    Scope: Word | None = None
    Availability: Text = "available"
    SizeMB: Whole | None = None


class ServerPlan(SoldServerPlan):
    """A plan that a zone sells."""

    ID: Id


class DiskSize(View):
    """A size that a disk plan has."""

    SizeMB: Whole
    Availability: Text = "available"


class DiskPlan(View):
    """A kind of disk and its sizes."""

    ID: Id
    Size: list[DiskSize] | None = None


class Zone(Named):
    """A zone of the API."""


class NfsPlan(View):
    """A plan of file servers, in the note in which the API publishes them."""

    size: Whole
    planId: Id  # noqa: N815 - spelled as in the note
    availability: Text = "available"


class NfsPlans(View):
    """All plans of file servers by the kind of disk."""

    plans: dict[Text, list[NfsPlan]]
