"""What a stack file may say: names, units, bounds; knows no provider."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from kokunai.catalog.facts import DataClass
from kokunai.catalog.rows import Slug
from kokunai.problems import refusal

_CIDR = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"


def _network(text: str) -> str:
    """Refuse what is no IPv4 network in CIDR form; netmasks and set host bits included."""
    try:
        IPv4Network(text if re.fullmatch(_CIDR, text) else "")
    except ValueError:
        raise refusal(
            "IPv4 のネットワーク（例 192.168.10.0/24）を指定してください",
            "must be an IPv4 network such as 192.168.10.0/24",
        ) from None
    return text


Cidr = Annotated[
    str, AfterValidator(_network), WithJsonSchema({"type": "string", "pattern": _CIDR})
]


class Spec(BaseModel):
    """Unknown keys are refused, and what is not of the type that the JSON schema says.

    Text under a field becomes its description in the schema.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class Access(Spec):
    """How people and Ansible reach the nodes."""

    private_key_file: str
    """SSH private key, absolute or relative to the project; `<file>.pub` must lie beside it."""
    ssh_from: list[Cidr] = Field(min_length=1)
    """Networks that may reach port 22; everything else is closed."""


class Network(Spec):
    """A private layer-2 network at one site."""

    name: Slug
    site: Slug
    """Catalogue key of the data centre, for example `sakura-ishikari`."""
    cidr: Cidr
    """IPv4 network of the nodes, for example `192.168.10.0/24`."""
    zone: Slug | None = None
    """The provider's own zone; left out, the one in which the pools of this network are sold."""


class GpuNodePool(Spec):
    """Identical GPU servers at one site, obtained together."""

    name: Slug
    site: Slug
    """Catalogue key of the data centre, for example `sakura-ishikari`."""
    gpu: Slug
    """Catalogue key of the GPU, for example `h100`."""
    offer: Slug | None = None
    """Catalogue key of the offer, where the site has this GPU from several sellers."""
    node_count: int = Field(ge=0, le=200)
    """Number of servers; node names end in their number, counted from 0."""
    image: Slug = "debian-12"
    """Catalogue key of the operating system."""
    network: Slug | None = None
    """Name of the private network the nodes join."""
    first_host: int = Field(default=11, ge=1, le=65000)
    """Host number of node 0 in the network; node n gets `first_host + n`."""
    boot_disk_gib: int = Field(default=100, ge=20, le=4096)
    order_timeout_seconds: int = Field(default=3600, gt=0, le=2_592_000)
    """How long to wait for a server to be usable, at most 30 days."""


class Storage(Spec):
    """A file share on a private network, mounted by every node of that network."""

    name: Slug
    network: Slug
    """Name of the private network; the share stands at the network's site."""
    size_gib: int = Field(ge=20, le=12288)
    disk: Literal["ssd", "hdd"] = "ssd"
    host: int = Field(default=9, ge=1, le=65000)
    """Host number of the file server in the network."""
    mount: str = Field(pattern=r"^(/[a-z0-9_-]+)+$")
    """Where the nodes mount it, for example `/mnt/datasets`."""


class PackageSource(Spec):
    """One APT source handed to the nodes."""

    uri: str = Field(pattern=r"^https?://[^\s{}]+$")
    suites: list[str] = Field(min_length=1)
    components: list[str] = Field(default=["main"], min_length=1)
    signed_by: str = Field(
        default="/usr/share/keyrings/debian-archive-keyring.gpg", pattern=r"^/[^\s{}]+$"
    )
    """Keyring on the nodes that the source is signed with; left out, Debian's own."""


class Hosts(Spec):
    """What every node is told; all of it must be domestic."""

    ntp_servers: list[str] = Field(default=["ntp1.sakura.ad.jp", "ntp.nict.jp"], min_length=1)
    """Time sources, tried in this order."""
    dns_servers: list[str] = Field(default=[])
    """Resolvers; empty means those of the site."""
    package_sources: list[PackageSource] = Field(default=[])
    """APT sources; empty leaves those of the image."""


class Settings(Spec):
    """What everything in a stack shares."""

    name: Slug
    data_class: DataClass
    """The most sensitive data that will ever be on these nodes."""
    lab: bool = False
    """True only for the local lab: simulated hardware behind a loopback API."""
    access: Access
    hosts: Hosts = Hosts()


class Environment(Settings):
    """The whole stack: what `kokunai:environment` in a stack file holds."""

    networks: list[Network] = []
    pools: list[GpuNodePool] = Field(min_length=1)
    storage: list[Storage] = []


def schema() -> dict[str, Any]:
    """JSON schema of a whole stack file, for editors."""
    keys: dict[str, type[Spec]] = {"kokunai:environment": Environment, "kokunai:settings": Settings}
    written = {
        key: model.model_json_schema(ref_template="#/definitions/{model}")
        for key, model in keys.items()
    }
    definitions = {
        name: definition
        for described in written.values()
        for name, definition in described.pop("$defs", {}).items()
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Kokunai stack file",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": written,
                # A whole environment, or what the components of a program of one's own share.
                "anyOf": [{"required": [key]} for key in written],
            },
        },
        "required": ["config"],
        "definitions": definitions,
    }
