"""What a `kokunai:sakura:Server` may say."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from kokunai.plugin.inputs import Inputs, Item, mistake
from kokunai.plugin.kind import UNKNOWN
from kokunai.plugin.sakura import fields
from kokunai.plugin.sakura.ssh_key import PublicKey  # noqa: TC001 - pydantic reads it

HostName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")
]
_MOST_INTERFACES = 10
_MOST_DISKS = 4


class Plan(Inputs):
    """A server plan by what it has; what is left out is any."""

    cpu_count: int = Field(ge=1)
    memory_gib: int = Field(ge=1)
    gpu_count: int = Field(default=0, ge=0)
    gpu_model: str | None = None
    cpu_model: str | None = None
    commitment: str = "standard"
    generation: int | None = None


class Disk(Inputs):
    """A disk of the server; the first one boots."""

    size_gib: int = Field(ge=1)
    plan: Literal["ssd", "hdd"]
    image: str | None = None


class Nic(Inputs):
    """A network interface, in the order in which the host sees them."""

    switch_id: fields.Segment
    address: fields.Address = ""
    prefix_length: fields.PrefixLength | None = None
    gateway: fields.Address = ""
    packet_filter_id: fields.Reference | None = None


class ServerInputs(fields.Tagged):
    """A server with its disks and network interfaces."""

    host_name: HostName | None = None
    """Host name; the name where it is left out. / ホスト名 (省略時は name)。"""
    plan: Plan
    """CPU, memory and GPU. / CPU、メモリ、GPU。"""
    disks: list[Item[Disk]] = Field(min_length=1, max_length=_MOST_DISKS)
    """The first is the boot disk and names an image. / 先頭が起動ディスク。"""
    nics: list[Item[Nic]] = Field(min_length=1, max_length=_MOST_INTERFACES)
    """Network interfaces, `shared` or the id of a switch. / ネットワークインタフェース。"""
    ssh_key_ids: list[Item[fields.Reference]] = Field(default_factory=list)
    """Ids of registered keys. / 登録済みの鍵の ID。"""
    ssh_public_keys: list[Item[PublicKey]] = Field(default_factory=list)
    """Public keys themselves. / 公開鍵。"""
    password: str = ""
    """Password of the administrator. / 管理者のパスワード。"""
    disable_password_login: bool = True
    """Refuse passwords over SSH. / SSH のパスワード認証を断ります。"""
    startup_script: str = ""
    """Runs once, at the first boot. / 最初の起動で一度だけ動きます。"""
    force_shutdown: bool = False
    """Cut the power instead of shutting down. / 停止を待たずに電源を切ります。"""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _check_boot_disk(self)
        _check_addresses(self)
        _check_login(self)
        return self


def _known(value: object) -> bool:
    """In a preview any field may be UNKNOWN, whatever its type says."""
    return value is not UNKNOWN


def _check_boot_disk(server: ServerInputs) -> None:
    if not _known(server.disks):
        return
    boot, *others = server.disks
    if _known(boot) and boot.image is None:
        raise mistake(
            "disks[0] は起動ディスクなので image が必要です。",
            "disks[0] is the boot disk and needs an image.",
        )
    if any(_known(disk) and _known(disk.image) and disk.image for disk in others):
        raise mistake(
            "image を指定できるのは disks[0] だけです。", "only disks[0] can have an image."
        )


def _check_addresses(server: ServerInputs) -> None:
    if not (_known(server.nics) and _known(server.nics[0])):
        return
    first = server.nics[0]
    has_address = not _known(first.address) or first.address != ""
    if first.switch_id == "shared" and has_address:
        raise mistake(
            "共有セグメントのアドレスは API が決めます。nics[0].address は指定できません。",
            "addresses on the shared segment are given by the API: leave out nics[0].address.",
        )
    if first.switch_id != "shared" and has_address and first.prefix_length is None:
        raise mistake(
            "nics[0].address には nics[0].prefixLength も必要です。",
            "nics[0].address also needs nics[0].prefixLength.",
        )


def _check_login(server: ServerInputs) -> None:
    if not _known(server.password) or server.password == "":
        return
    if not 12 <= len(server.password) <= 128:
        raise mistake(
            "password は 12 から 128 文字で指定してください。",
            "password must have 12 to 128 characters.",
        )
