"""What a stack file may say: names, units, bounds; knows no provider."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from kokunai.catalog.facts import DataClass
from kokunai.catalog.rows import Slug
from kokunai.problems import refusal
from kokunai.validation import address_ranges, mount_paths, tokens

LOSS_KEY = "allowDataLoss"
"""The configuration key that adds names, separated by commas, to `allow_data_loss`."""
_CIDR = WithJsonSchema({"type": "string", "pattern": address_ranges.FORM})
Cidr = Annotated[str, AfterValidator(address_ranges.cluster_network), _CIDR]
"""A network of nodes."""
Source = Annotated[str, AfterValidator(address_ranges.source), _CIDR]
"""A network from which connections come."""
CatalogueKey = Annotated[str, Field(min_length=1, max_length=63), AfterValidator(tokens.one_line)]
"""A key of the catalogue, which answers an unknown one with those that there are."""
MountPath = Annotated[
    str,
    AfterValidator(mount_paths.mount_path),
    WithJsonSchema({"type": "string", "pattern": mount_paths.FORM}),
]
FilePath = Annotated[str, Field(min_length=1), AfterValidator(tokens.file_path)]
"""A path on this machine, which may hold spaces and Japanese."""

BucketName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,62}$")]
"""3 to 63 of a-z, 0-9 and -, a letter first."""


_SSH = 22


class Spec(BaseModel):
    """Unknown keys are refused, and what is not of the type that the JSON schema says.

    Text under a field becomes its description in the schema.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class OpenPort(Spec):
    """One port, or a range of ports, that others than those who log in may reach."""

    port: int = Field(ge=1, le=65535)
    last_port: int | None = Field(default=None, ge=1, le=65535)
    """Last port of a range that begins at `port`."""
    protocol: Literal["tcp", "udp"] = "tcp"
    allow_from: list[Source] = Field(min_length=1)
    """Networks that may reach it."""

    @field_validator("last_port")
    @classmethod
    def _after_the_first(cls, last: int | None, info: ValidationInfo) -> int | None:
        first = info.data.get("port")
        if last is not None and first is not None and last < first:
            raise refusal(f"port の {first} 以上にしてください", f"must be at least port, {first}")
        return last


class Access(Spec):
    """How people and Ansible reach the nodes.

    Ports of the nodes are closed on the internet but for those named here. A provider's filter may
    keep no state, as that of Sakura's IaaS, which lets everybody through to TCP ports 32768 to
    60999, because replies come in there. The nodes' own filter keeps state and closes those too,
    unless `hosts.firewall` is false. Ports that Docker or Kubernetes publish go past it.
    """

    private_key_file: FilePath
    """SSH private key, absolute or relative to the project; `<file>.pub` must lie beside it. The
    private half may be missing where an ssh-agent holds it."""
    ssh_config: FilePath | None = None
    """The only configuration file that ssh reads, for example with the `ProxyJump` to a jump host;
    left out, none is read, not even `~/.ssh/config`."""
    allow_any_source: bool = False
    """True where `ssh_from` really means everybody on the internet."""
    ssh_from: list[Source] = Field(min_length=1)
    """Networks that may reach port 22."""
    open_ports: list[OpenPort] = []
    """Further ports that some networks may reach, for example those of a service."""

    @field_validator("open_ports")
    @classmethod
    def _without_ssh(cls, rows: list[OpenPort]) -> list[OpenPort]:
        for row in rows:
            if row.protocol == "tcp" and row.port <= _SSH <= (row.last_port or row.port):
                raise refusal(
                    "22 番は ssh_from に書いてください",
                    "must not hold port 22, which belongs into ssh_from",
                )
        return rows

    @field_validator("ssh_from")
    @classmethod
    def _not_everybody(cls, networks: list[str], info: ValidationInfo) -> list[str]:
        if address_ranges.is_everybody(networks) and not info.data.get("allow_any_source"):
            raise refusal(
                "インターネットのほぼ全体から SSH に接続できてしまいます。ログイン元のネットワーク"
                "だけを書いてください。意図したものなら allow_any_source: true を書いてください",
                "would let nearly the whole internet reach SSH; give the networks that you log in "
                "from, or write allow_any_source: true where it is meant",
            )
        return networks


class Network(Spec):
    """A private layer-2 network at one site."""

    name: Slug
    site: CatalogueKey
    """Catalogue key of the data centre, for example `sakura-ishikari`."""
    cidr: Cidr
    """IPv4 network of the nodes, for example `192.168.10.0/24`."""
    allow_any_range: bool = False
    """True where the nodes really use addresses outside the private ranges (RFC 1918)."""
    zone: CatalogueKey | None = None
    """The provider's own zone; left out, the one in which the pools of this network are sold."""
    contract: Slug | None = None
    """Key of the row in a contract file, where it comes with a contract."""
    was: Slug | None = None
    """The name before a rename: nothing is made anew."""


MOST_NODES = 200
"""Nodes of one pool, however they are asked for."""
_SIZES = ("nvlink_domains", "gpus", "node_count")


class GpuNodePool(Spec):
    """Identical GPU servers at one site, obtained together; exactly one key says how many."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": [key], "properties": {key: {"type": "integer"}}} for key in _SIZES
            ]
        }
    )

    name: Slug
    site: CatalogueKey
    """Catalogue key of the data centre, for example `sakura-ishikari`."""
    gpu: CatalogueKey
    """Catalogue key of the GPU, for example `h100`."""
    offer: CatalogueKey | None = None
    """Catalogue key of the offer, where the site has this GPU from several sellers."""
    nvlink_domains: int | None = Field(default=None, ge=1, le=MOST_NODES)
    """Number of whole NVLink domains, for example racks; an incomplete one is refused."""
    gpus: int | None = Field(default=None, ge=0, le=1600)
    """Number of GPUs, a multiple of those of one server."""
    node_count: int | None = Field(default=None, ge=0, le=MOST_NODES, validate_default=True)
    """Number of servers; node names end in their number, counted from 0."""
    image: CatalogueKey = "debian-12"
    """Catalogue key of the operating system."""
    network: Slug | None = None
    """Name of the private network the nodes join."""
    first_host: int = Field(default=11, ge=1, le=65000)
    """Host number of node 0 in the network; node n gets `first_host + n`."""
    boot_disk_gib: int = Field(default=100, ge=20, le=4096)
    order_timeout_seconds: int = Field(default=3600, gt=0, le=2_592_000)
    """How long to wait for a server to be usable, at most 30 days."""
    contract: Slug | None = None
    """Key of the row in a contract file, where it comes with a contract."""
    was: Slug | None = None
    """The name before a rename: the servers stay, with their disks."""
    protect: bool | None = None
    """Whether Pulumi refuses to delete the servers; left out, true on a real account."""

    @field_validator("node_count")
    @classmethod
    def _one_size(cls, count: int | None, info: ValidationInfo) -> int | None:
        # A key whose value is refused is not in the data, but it was given.
        others = [key for key in _SIZES[:2] if info.data.get(key, "refused") is not None]
        if len(others) + (count is not None) == 1:
            return count
        raise refusal(
            "node_count、gpus、nvlink_domains のどれか 1 つだけを指定してください",
            "give exactly one of node_count, gpus and nvlink_domains",
        )


class Storage(Spec):
    """A file share on a private network, mounted by every node of that network."""

    name: Slug
    network: Slug
    """Name of the private network; the share stands at the network's site."""
    size_gib: int = Field(ge=20, le=12288)
    disk: Literal["ssd", "hdd"] = "ssd"
    host: int = Field(default=9, ge=1, le=65000)
    """Host number of the file server in the network."""
    mount: MountPath
    """Where the nodes mount it, for example `/mnt/datasets`; no directory of the system's."""
    contract: Slug | None = None
    """Key of the row in a contract file, where it comes with a contract."""
    was: Slug | None = None
    """The name before a rename: the share stays, with its data."""
    protect: bool | None = None
    """Whether Pulumi refuses to delete the share; left out, true on a real account."""


class Bucket(Spec):
    """A bucket of object storage at one site, with an access key that opens it alone."""

    name: Slug
    site: CatalogueKey
    """Catalogue key of the data centre, for example `sakura-ishikari`."""
    bucket: BucketName | None = None
    """Name at the provider, unique among all customers; left out, `<stack name>-<name>`."""
    versioning: bool | None = None
    """Whether earlier versions of objects are kept; left out, it is left as it is."""
    endpoint: tokens.HostName | None = None
    """Host of the S3 interface where the provider has several names for it."""
    key_version: int = Field(default=1, ge=1)
    """Raise it for a new access key; the old one ends."""
    was: Slug | None = None
    """The name before a rename; give `bucket`, too, so that the bucket stays."""
    protect: bool | None = None
    """Whether Pulumi refuses to delete the bucket; left out, true on a real account."""


class PackageSource(Spec):
    """One APT source handed to the nodes."""

    uri: tokens.Archive
    """Address of the archive; logins belong into `kokunai:packageSourceCredentials`."""
    suites: list[tokens.Word] = Field(min_length=1)
    components: list[tokens.Word] = Field(default=["main"], min_length=1)
    signed_by: tokens.Keyring | None = None
    """Keyring on the nodes that the source is signed with; left out, that of the image."""


class Hosts(Spec):
    """What every node is told; all of it must be domestic."""

    ntp_servers: list[tokens.HostName] = Field(
        default=["ntp1.sakura.ad.jp", "ntp.nict.jp"], min_length=1
    )
    """Time sources, tried in this order."""
    dns_servers: list[tokens.Resolver] = Field(default=[])
    """Addresses of resolvers; empty means those of the site."""
    package_sources: list[PackageSource] = Field(default=[])
    """APT sources; empty leaves those of the image."""
    firewall: bool = True
    """Whether the nodes filter what comes in themselves, beside the provider's filter."""


class Settings(Spec):
    """What everything in a stack shares."""

    name: Slug
    data_class: DataClass
    """The most sensitive data that will ever be on these nodes."""
    lab: bool = False
    """True only for the local lab: simulated hardware behind a loopback API."""
    access: Access
    hosts: Hosts = Hosts()
    allow_data_loss: list[Slug] = []
    """Pools, shares or nodes whose data the next `pulumi up` may destroy; remove it afterwards."""
    contracts: list[FilePath] = []
    """Contract files of one's own, absolute or relative to the project."""


class Environment(Settings):
    """The whole stack: what `kokunai:environment` in a stack file holds."""

    networks: list[Network] = []
    pools: list[GpuNodePool] = Field(min_length=1)
    storage: list[Storage] = []
    buckets: list[Bucket] = []


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
                "properties": {**written, f"kokunai:{LOSS_KEY}": {"type": "string"}},
                # A whole environment, or what the components of a program of one's own share.
                "anyOf": [{"required": [key]} for key in written],
            },
        },
        "required": ["config"],
        "definitions": definitions,
    }
