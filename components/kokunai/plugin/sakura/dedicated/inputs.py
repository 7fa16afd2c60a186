"""The properties of `kokunai:sakura:DedicatedServer`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from kokunai.drivers.sakura_phy import MOST_KEYS
from kokunai.errors import Problem
from kokunai.plugin.inputs import Computed, Governed, MaybeUnknown, Text
from kokunai.plugin.kind import holds_unknown
from kokunai.plugin.sakura.dedicated.mark import PREFIX
from kokunai.plugin.sakura.ssh_key import PublicKey
from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.plugin.kind import Props

_ID = re.compile(r"[0-9]{12}")
_MOST_PRIVATE_NETWORKS = 100
_MOST_EXCEPTED = 10_000


def _service_id(value: str) -> str:
    if value and not _ID.fullmatch(value):
        raise refusal(
            f"「{value}」はサービスコードではありません。12 桁の数字で指定してください。",
            f'"{value}" is not a service id; write its 12 digits.',
        )
    return value


def _in_order(values: list[str]) -> list[str]:
    return values if holds_unknown(values) else sorted(set(values))


ServiceId = Annotated[str, AfterValidator(_service_id)]


class DedicatedServerInputs(Governed):
    """A server under contract (Sakura PHY), adopted and not ordered; a delete releases it.

    The contract stays in both cases. What is adopted is the service of `serviceId`, or one of
    `model` that has the tag `tag` in the control panel and that no other stack uses.
    / 契約済みの専用サーバー（さくらの専用サーバー PHY）を使います。注文も解約もしません。
    """

    name: Text = Field(min_length=1, max_length=64)
    """Name in this stack, kept in the description of the service. / このスタックでの名前。"""
    service_id: ServiceId = ""
    """The service to adopt. / 使うサービスのコード。"""
    model: Text = Field(default="", max_length=64)
    """Words of the plan's name, for example `H200`; any service of it may be adopted.
    / プラン名に含まれる語。"""
    tag: Text = Field(default="", max_length=50)
    """Tag that a service must have to be adopted by `model`. / model で選ぶときに必要なタグ。"""
    except_services: Annotated[list[MaybeUnknown[ServiceId]], AfterValidator(_in_order)] = Field(
        default_factory=list, max_length=_MOST_EXCEPTED
    )
    """Services that `model` never adopts, because others name them.
    / model で選ばないサービス（ほかで指定されているもの）。"""
    reinstall: bool = True
    """Whether the operating system is installed, which erases the disks; false keeps what is there.
    / OS をインストールするか（ディスクの内容は消えます）。"""
    os_image: Text = Field(default="", max_length=64)
    """Id of the image, or words of its name, for example `Ubuntu 22.04`. / OS イメージ。"""
    login_user: Text = Field(default="", max_length=32)
    """The user that the image must have for the keys. / 鍵でログインするユーザー。"""
    ssh_public_keys: list[MaybeUnknown[PublicKey]] = Field(
        default_factory=list, max_length=MOST_KEYS
    )
    """Keys that the installation puts in place. / インストール時に登録する公開鍵。"""
    link_speed: Literal["10gbe", "1gbe"] = "10gbe"
    """Which pair of interfaces is used. / 使うネットワークインターフェースの速度。"""
    bonding: Literal["lacp", "static", "single"] = "lacp"
    """How the two interfaces are joined; `single` parts internet and private networks.
    / ボンディング。"""
    internet: Literal["none", "common", "dedicated"] = "common"
    """How the internet is reached. / インターネット接続。"""
    dedicated_subnet_id: ServiceId = ""
    """Service id of the dedicated subnet. / 専用グローバルネットワークのサービスコード。"""
    private_network_ids: Annotated[list[MaybeUnknown[ServiceId]], AfterValidator(_in_order)] = (
        Field(default_factory=list, max_length=_MOST_PRIVATE_NETWORKS)
    )
    """Service ids of private networks. / ローカルネットワークのサービスコード。"""
    storage_gib: int = Field(default=0, ge=0)
    """Size of its disks, told where their data would be lost. / ディスクの容量。"""
    paid_until: Text = Field(default="", pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")
    """Until when the contract is paid, as the contract says. / 支払い済みの期限。"""
    force_shutdown: bool = False
    """Cut the power instead of shutting down. / 電源を強制的に切るか。"""

    @classmethod
    def contradictions(cls, given: Props) -> Iterator[Problem]:
        """What does not go together."""
        if holds_unknown(given):
            return
        if not given.get("serviceId") and not (given.get("model") and given.get("tag")):
            yield Problem(
                "serviceId",
                "serviceId か、model と tag の両方を指定してください。使ってよいサーバーには、"
                "コントロールパネルでそのタグを付けます。",
                "give serviceId, or model and tag together; the tag, set in the control panel, "
                "says which servers may be used.",
            )
        if given.get("reinstall", True):
            yield from _installation(given)
        if (given.get("internet") == "dedicated") != bool(given.get("dedicatedSubnetId")):
            yield Problem(
                "dedicatedSubnetId",
                "internet: dedicated のときだけ、そのときは必ず指定してください。",
                "must be given with internet: dedicated, and only then.",
            )
        yield from _own_labels(given)


def _installation(given: Props) -> Iterator[Problem]:
    for name in ("osImage", "sshPublicKeys"):
        if not given.get(name):
            yield Problem(
                name,
                "OS をインストールするときは必要です（しないときは reinstall: false）。",
                "is needed to install the operating system (reinstall: false installs none).",
            )


def _own_labels(given: Props) -> Iterator[Problem]:
    labels = given.get("labels")
    for key in labels if isinstance(labels, dict) else ():
        if str(key).startswith(PREFIX):
            yield Problem(
                f"labels.{key}",
                f"{PREFIX} で始まるラベルは使えません。",
                f"labels must not begin with {PREFIX}.",
            )


class DedicatedServerComputed(Computed):
    """What the API adds to a server."""

    address: str
    """Address on the internet, empty where it has none. / インターネット側の IPv4 アドレス。"""
    host_identity: str
    """Another value means other host keys. / ホスト鍵が変わると変わる値。"""
    nickname: str
    """What the control panel calls it. / コントロールパネルでの名前。"""
    plan_name: str
    """What is under contract. / 契約プラン。"""
    activated: str
    """Since when it is under contract. / 利用開始日時。"""
    power_status: str
    """`on`, `off`, or empty where it is not known. / 電源の状態。"""
    installation: str
    """`done`, `begun` where it was interrupted, `unmarked` where its mark was removed, or `none`.
    / OS インストールの状態。"""
