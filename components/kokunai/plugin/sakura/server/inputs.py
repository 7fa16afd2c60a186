"""Inputs and outputs of `kokunai:sakura:Server`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from kokunai.drivers.sakura_limits import (
    LONGEST_PASSWORD,
    MOST_DISKS,
    MOST_INTERFACES,
    SHORTEST_PASSWORD,
)
from kokunai.errors import Problem
from kokunai.plugin.inputs import Inputs, MaybeUnknown, maps_in
from kokunai.plugin.sakura import fields
from kokunai.plugin.sakura.ssh_key import PublicKey  # noqa: TC001 - pydantic needs it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.plugin.kind import Props

HostName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")
]


class Plan(Inputs):
    """A server plan by what it has; what is left out is any."""

    cpu_count: int = Field(ge=1)
    """Virtual CPUs. / 仮想 CPU 数。"""
    memory_gib: int = Field(ge=1)
    """Memory. / メモリ。"""
    gpu_count: int = Field(default=0, ge=0)
    """GPUs; 0 is a server without any. / GPU 数。"""
    gpu_model: str | None = None
    """The API's name of the GPU, for example `nvidia_h100_80gbvram`. / GPU の型番。"""
    cpu_model: str | None = None
    """The API's name of the CPU. / CPU の型番。"""
    commitment: str = "standard"
    """`standard` shares CPU cores, `dedicatedcpu` does not. / コアの占有。"""
    generation: int | None = None
    """Generation of the plan, for example 200. / プランの世代。"""


class Disk(Inputs):
    """A disk of the server; the first one boots."""

    size_gib: int = Field(ge=1)
    """Size, one of those that the zone sells. / 容量。"""
    plan: Literal["ssd", "hdd"]
    """Kind of disk. / ディスクの種類。"""
    image: str | None = None
    """Name or tag of the public or own archive; boot disk only. / アーカイブの名前かタグ。"""


class Nic(Inputs):
    """A network interface, in the order in which the host sees them."""

    switch_id: fields.Segment
    """`shared` for the internet, or the id of a switch. / 共有セグメントかスイッチの ID。"""
    address: fields.Address = ""
    """IPv4 address on a switch. / スイッチ上の IPv4 アドレス。"""
    prefix_length: fields.PrefixLength | None = None
    """Length of the network mask, where an address is given. / ネットマスク長。"""
    gateway: fields.Address = ""
    """Default route, first interface only. / デフォルトルート（先頭の NIC だけ）。"""
    packet_filter_id: fields.Reference | None = None
    """Id of the packet filter before the interface. / パケットフィルターの ID。"""


class ServerInputs(fields.Tagged):
    """A server with its disks and network interfaces."""

    host_name: HostName | None = None
    """Host name; the name where it is left out. / ホスト名（省略時は name）。"""
    plan: Plan
    """CPU, memory and GPU. / CPU、メモリ、GPU。"""
    disks: list[MaybeUnknown[Disk]] = Field(min_length=1, max_length=MOST_DISKS)
    """The first is the boot disk and names an image. / 先頭が起動ディスク。"""
    nics: list[MaybeUnknown[Nic]] = Field(min_length=1, max_length=MOST_INTERFACES)
    """Network interfaces, `shared` or the id of a switch. / ネットワークインターフェース。"""
    ssh_key_ids: list[MaybeUnknown[fields.Reference]] = Field(default_factory=list)
    """Ids of registered keys. / 登録済みの鍵の ID。"""
    ssh_public_keys: list[MaybeUnknown[PublicKey]] = Field(default_factory=list)
    """Public keys themselves. / 公開鍵。"""
    password: str = ""
    """Password of the administrator. / 管理者のパスワード。"""
    disable_password_login: bool = True
    """Refuse passwords over SSH. / SSH のパスワード認証を拒否します。"""
    startup_script: str = ""
    """Runs once, at the first boot. / 最初の起動で一度だけ動きます。"""
    host_key_seed: str = ""
    """Secret from which a new server's first SSH host key is made; without it the first login
    believes whoever answers. / 新しいサーバーの最初の SSH ホスト鍵の元になる秘密。"""
    force_shutdown: bool = False
    """Cut the power instead of shutting down. / 停止を待たずに電源を切ります。"""

    @classmethod
    def contradictions(cls, given: Props) -> Iterator[Problem]:
        """Mistakes between the boot disk, the first interface and the password."""
        yield from super().contradictions(given)
        yield from _of_images(maps_in(given.get("disks")))
        yield from _of_addresses(maps_in(given.get("nics"))[:1])
        yield from _of_segments(maps_in(given.get("nics")))
        password = given.get("password")
        least, most = SHORTEST_PASSWORD, LONGEST_PASSWORD
        if isinstance(password, str) and password and not least <= len(password) <= most:
            yield Problem(
                "password",
                f"{least} から {most} 文字で指定してください。",
                f"must have {least} to {most} characters.",
            )


class ServerComputed(fields.Powered):
    """What the API adds to a server."""

    server_id: str
    """The API's current id: a change of the plan gives another one. / 現在のサーバー ID。"""
    disk_ids: list[str]
    """Ids of the disks, as plugged. / ディスクの ID。"""
    interface_ids: list[str]
    """Ids of the network interfaces, in the host's order. / NIC の ID。"""
    address: str
    """IPv4 address of the first interface. / 先頭の NIC の IPv4 アドレス。"""
    addresses: list[str]
    """IPv4 address of each interface, empty where it has none. / 各 NIC の IPv4 アドレス。"""
    mac_addresses: list[str]
    """MAC address of each interface. / 各 NIC の MAC アドレス。"""
    zone_name: str
    """Zone in which the API has it. / ゾーン。"""
    config_digest: str
    """Digest of what was written into the boot disk. / 起動ディスクに書いた設定の要約値。"""
    host_key: str
    """SSH host key that was written into the boot disk, empty for a server that got none.
    / 起動ディスクに書いた SSH ホスト鍵（ないときは空）。"""


def _of_images(disks: list[Props]) -> Iterator[Problem]:
    for index, disk in enumerate(disks):
        if index == 0 and disk and "image" not in disk:
            yield Problem(
                "disks[0].image",
                "disks[0] は起動ディスクなので image が必要です。",
                "disks[0] is the boot disk and needs an image.",
            )
        if index > 0 and "image" in disk:
            yield Problem(
                f"disks[{index}].image",
                "image を指定できるのは disks[0] だけです。",
                "only disks[0] can have an image.",
            )


def _of_segments(nics: list[Props]) -> Iterator[Problem]:
    """Segments that the API refuses: a switch that comes twice, a shared one not at the front."""
    segments = [nic.get("switchId") for nic in nics]
    for index, segment in enumerate(segments):
        if index > 0 and segment == "shared":
            yield Problem(
                f"nics[{index}].switchId",
                "共有セグメントにつなげるのは nics[0] だけです。",
                "only nics[0] can be on the shared segment.",
            )
        elif isinstance(segment, str) and segment.isdigit() and segment in segments[:index]:
            yield Problem(
                f"nics[{index}].switchId",
                "同じスイッチに二つの NIC をつなぐことはできません。",
                "two interfaces cannot be on one switch.",
            )


def _of_addresses(first: list[Props]) -> Iterator[Problem]:
    """Mistakes of addresses; one that is not known yet counts as given."""
    for nic in first:
        has_address = nic.get("address", "") != ""
        if nic.get("switchId") == "shared" and has_address:
            yield Problem(
                "nics[0].address",
                "共有セグメントのアドレスは API が決めるので、指定できません。",
                "addresses on the shared segment are given by the API: leave it out.",
            )
        elif has_address and "prefixLength" not in nic:
            yield Problem(
                "nics[0].prefixLength",
                "nics[0].address には nics[0].prefixLength も必要です。",
                "nics[0].address also needs nics[0].prefixLength.",
            )
