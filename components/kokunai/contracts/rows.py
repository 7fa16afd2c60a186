"""What a contract file may say: capacity that was ordered by form or mail, and what came of it."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import date
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from kokunai.catalog.prices import MOST, Amount
from kokunai.catalog.rows import Slug
from kokunai.model import MOST_NODES, Cidr, FilePath, Spec
from kokunai.problems import refusal
from kokunai.validation import address_ranges, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

State = Literal["applied", "awaiting", "delivered", "returning", "returned"]
"""Where the order stands; `expired` is computed from `paid_until`."""
BEFORE_DELIVERY = ("applied", "awaiting")
_KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
_USER = r"^[a-z_][a-z0-9_-]{0,31}$"
_JUMP = re.compile(r"(?P<user>[a-z_][a-z0-9_-]{0,31})@(?P<host>[^@\s]+?)(?::(?P<port>\d{1,5}))?")
_NAME = r"^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"
_SHA256 = r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$"
_SLURM_WORD = r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$"
_NFS_SOURCE = re.compile(r"(?P<server>[^\s:/@]+):(?P<path>/[A-Za-z0-9._/+@~-]*)")
_LUSTRE_SOURCE = re.compile(r"[A-Za-z0-9._@:,-]+:/[A-Za-z0-9._/-]+")


def _day(value: Any) -> Any:
    """A date as YAML's text; anything else is left for the model to refuse."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else value
    except ValueError:
        return value


Day = Annotated[date, BeforeValidator(_day)]


def _host_key(text: str) -> str:
    """Type and key without a comment; the blob must be a key of that type."""
    kind, _, rest = " ".join(text.split()).partition(" ")
    blob = rest.partition(" ")[0]
    if kind not in _KEY_TYPES or not _is_blob(kind, blob):
        raise refusal(
            "SSH ホスト鍵を 1 行で指定してください（例 ssh-ed25519 AAAA...）。使える種類: "
            + ", ".join(_KEY_TYPES),
            "must be an SSH host key on one line such as ssh-ed25519 AAAA...; types: "
            + ", ".join(_KEY_TYPES),
        )
    return f"{kind} {blob}"


def _is_blob(kind: str, blob: str) -> bool:
    try:
        raw = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return False
    head = len(kind).to_bytes(4, "big") + kind.encode()
    return raw.startswith(head) and len(raw) > len(head) + 4


def _jump(text: str) -> str:
    found = _JUMP.fullmatch(text)
    place = text.partition("@")[2]
    if place.count(":") > 1 and tokens.is_address(place.removeprefix("[").partition("]")[0]):
        _ipv4(place)
    if not found or not 0 < int(found["port"] or 22) < 65536 or found["host"].startswith("-"):
        raise refusal(
            "user@host または user@host:port の形で指定してください",
            "must be user@host or user@host:port",
        )
    _ipv4(tokens.host_name(found["host"]))
    return text


def _ipv4(text: str) -> str:
    """Refuse an IPv6 address, which neither the hosts' filter nor a jump's command takes."""
    if ":" in text:
        raise refusal(
            "IPv6 アドレスにはまだ対応していません。IPv4 アドレスかホスト名を指定してください",
            "IPv6 addresses are not supported yet; give an IPv4 address or a host name",
        )
    return text


HostKey = Annotated[str, AfterValidator(_host_key)]
Jump = Annotated[str, AfterValidator(_jump)]


class Bmc(Spec):
    """The board's own controller, where the operator gives access to it.

    It is asked only where the contract allows `power`.
    """

    url: str = Field(pattern=r"^https?://[^\s@?#]+$")
    """Redfish root, without a login."""
    certificate_sha256: str | None = Field(default=None, pattern=_SHA256)
    """SHA-256 of its certificate, where nobody signed that: no other one gets the login."""
    ca_file: FilePath | None = None
    """Certificates of who signed it, absolute or relative to the project; left out, the system's
    own count."""

    @model_validator(mode="after")
    def _known_in_one_way(self) -> Bmc:
        if self.certificate_sha256 is not None and self.ca_file is not None:
            raise refusal(
                "certificate_sha256 と ca_file はどちらか 1 つだけを指定してください",
                "give only one of certificate_sha256 and ca_file",
            )
        return self

    def inputs(self) -> dict[str, str]:
        """As the kind of a host takes them."""
        given = {
            "url": self.url,
            "certificateSha256": self.certificate_sha256,
            "caFile": self.ca_file,
        }
        return {key: value for key, value in given.items() if value is not None}


class Host(Spec):
    """A machine that was handed over."""

    name: str = Field(pattern=_NAME)
    """What the operator calls it."""
    address: Annotated[tokens.HostName, AfterValidator(_ipv4)]
    """Where SSH reaches it, by IPv4."""
    port: int = Field(default=22, ge=1, le=65535)
    host_key: HostKey
    """Its public SSH host key, `ssh-ed25519 AAAA...`; another key is another machine."""
    jump: Jump | None = None
    """Jump host, `user@host[:port]`, where it cannot be reached directly."""
    jump_key: HostKey | None = None
    """The jump host's own key. Without one the jump host may be any: what passes through it is
    encrypted for the host itself, whose key is always known."""
    bmc: Bmc | None = None
    rack: str | None = Field(default=None, pattern=_NAME)
    tray: int | None = Field(default=None, ge=0, le=99)
    node: int | None = Field(default=None, ge=0, lt=MOST_NODES)
    """Number of the node that it is, so that it stays that node whatever the file lists."""


class Slurm(Spec):
    """How jobs get onto a Slurm cluster, whose login node stands under `hosts`."""

    partition: str = Field(pattern=_SLURM_WORD)
    account: str | None = Field(default=None, pattern=_SLURM_WORD)
    """Who pays for the jobs, for example a group with points of its own."""
    gpu_type: str | None = Field(default=None, pattern=_SLURM_WORD)
    """Slurm's own word for the GPUs, where a node has several kinds."""
    queue_seconds: int = Field(default=600, ge=10, le=86400)
    """How long the job that looks at the GPUs may wait for its nodes."""

    def inputs(self) -> dict[str, Any]:
        """As the kind of a cluster takes them."""
        given = {"account": self.account, "gpuType": self.gpu_type}
        chosen = {key: value for key, value in given.items() if value is not None}
        return {"partition": self.partition, **chosen, "queueSeconds": self.queue_seconds}


class Price(Spec):
    """The user's own price in yen; nothing is guessed where it is left out."""

    jpy_per_month: Amount | None = None
    jpy_per_hour: Amount | None = None
    jpy_per_day: Amount | None = None
    jpy_per_minute: Annotated[Amount, Field(le=MOST // 60)] | None = None
    jpy_per_point: Amount | None = None
    jpy_total: Amount | None = None
    """For the whole term."""
    tax_included: bool | None = None

    @model_validator(mode="after")
    def _in_some_unit(self) -> Price:
        if not self.model_dump(exclude={"tax_included"}, exclude_none=True):
            units = ", ".join(name for name in Price.model_fields if name.startswith("jpy_"))
            raise refusal(f"単位を書いてください: {units}", f"needs one of: {units}")
        return self

    @property
    def has_rate(self) -> bool:
        """Whether it says what a month, a day, an hour or a minute costs."""
        return any((self.jpy_per_month, self.jpy_per_day, self.jpy_per_hour, self.jpy_per_minute))


class HandedNetwork(Spec):
    """A network that came with the contract."""

    cidr: Cidr
    access: Literal["wvs2", "internet"]
    """How one gets in: the operator's closed network (wide area, WVS2), or the internet."""
    interface: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9._@-]{0,14}$")
    """What the hosts call their interface in it, for example `bond0`."""
    service: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """The network's id at the seller, where its API connects servers to it."""


def _file_server(text: str) -> None:
    """A name may lead anywhere, and elsewhere tomorrow, so the data's place would be unknown."""
    try:
        IPv4Address(text)
    except AddressValueError:
        raise refusal(
            "ファイルサーバーは IPv4 アドレスで指定してください（例 10.0.0.1:/path）",
            "needs the file server's IPv4 address, such as 10.0.0.1:/path",
        ) from None


def share_elsewhere(source: str) -> tuple[str, str]:
    """Why a share that is not near is refused, in Japanese and in English."""
    ja = (
        f"{source} は契約のネットワークにもプライベートアドレスにもないため、データの保存先を"
        "確かめられません。意図したものなら、契約ファイルの行に allow_any_range: true を"
        "書いてください"
    )
    en = (
        f"{source} stands neither in the contract's network nor in a private range, so where its "
        "data lies is not known; write allow_any_range: true into its row of the contract file "
        "where it is meant"
    )
    return ja, en


class HandedShare(Spec):
    """A file system that came with the contract."""

    kind: Literal["nfs", "lustre"]
    source: str
    """`10.0.0.1:/path` for NFS, `10.0.0.1@tcp:/name` for Lustre."""
    allow_any_range: bool = False
    """True where an NFS server really stands outside the private ranges (RFC 1918)."""
    size_gib: int | None = Field(default=None, gt=0)
    """What the contract promises; left out, nothing is said of it."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> HandedShare:
        form = _NFS_SOURCE if self.kind == "nfs" else _LUSTRE_SOURCE
        if not form.fullmatch(self.source):
            example = "server:/path" if self.kind == "nfs" else "10.0.0.1@tcp:/scratch"
            raise refusal(
                f"source は {example} の形で指定してください", f"source must look like {example}"
            )
        if self.kind == "nfs":
            _file_server(self.server)
        return self

    def is_near(self, networks: Iterable[str]) -> bool:
        """Whether an NFS server stands in one of these networks or in a private range."""
        if self.allow_any_range or self.kind != "nfs":
            return True
        near = (*address_ranges.PRIVATE, *map(IPv4Network, networks))
        return any(IPv4Address(self.server) in network for network in near)

    @property
    def server(self) -> str:
        """The file server of an NFS source."""
        return self.source.partition(":")[0]

    @property
    def path(self) -> str:
        """What the server exports."""
        return self.source.partition(":")[2]


class Row(Spec):
    """One contract."""

    offer: Slug
    """Catalogue key of what was ordered."""
    state: State
    applied_on: Day | None = None
    delivered_on: Day | None = None
    paid_until: Day | None = None
    """The last day that is paid for."""
    term_months: int | None = Field(default=None, gt=0, le=240)
    """Minimum term."""
    price: Price | None = None
    power: Literal["none", "allowed"] = "none"
    """Whether we may switch the machines off and on."""
    reinstall: bool = False
    """Whether we may install the operating system anew."""
    user: str = Field(default="root", pattern=_USER)
    """Login user; any but root uses sudo."""
    hosts: list[Host] = Field(default=[])
    services: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]] = Field(default=[])
    """Ids of the services at the seller, where its API knows them."""
    slurm: Slurm | None = None
    """Given for a Slurm cluster; its login node is then the only one of `hosts`."""
    networks: dict[Slug, HandedNetwork] = Field(default={})
    shares: dict[Slug, HandedShare] = Field(default={})

    @model_validator(mode="after")
    def _total_of_a_term(self) -> Row:
        price = self.price
        if price and price.jpy_total and not price.has_rate and self.term_months is None:
            raise refusal(
                "price.jpy_total には term_months が必要です。何か月分の金額かを書いてください",
                "price.jpy_total needs term_months, which says how many months it is for",
            )
        return self

    @property
    def server_count(self) -> int | None:
        """How many servers were handed over; None before, and for a cluster's login node."""
        return None if self.slurm else max(len(self.hosts), len(self.services)) or None


class File(Spec):
    """The content of a contract file."""

    contracts: dict[Slug, Row] = Field(min_length=1)
