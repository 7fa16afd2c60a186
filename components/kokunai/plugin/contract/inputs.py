"""Inputs and outputs of the kinds that come with a contract."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from kokunai.contracts.rows import HostKey, Jump
from kokunai.drivers.root_url import is_this_machine
from kokunai.plugin.inputs import Computed, Governed, Inputs
from kokunai.problems import refusal
from kokunai.validation.tokens import HostName, Line

Text = Annotated[Line, Field(min_length=1, max_length=120)]


class Expected(Inputs):
    """What the contract says is in the box; what is left out is not compared."""

    gpu_count: int = Field(ge=0)
    """GPUs. / GPU の枚数。"""
    gpu_vendor_id: str = Field(pattern=r"^[0-9a-f]{4}$")
    """PCI vendor of the GPUs. / GPU の PCI ベンダー ID。"""
    gpu_model: Text
    """Model, for example `NVIDIA H100 80GB`. / GPU の型番。"""
    gpu_memory_gib: int | None = None
    """Memory of each GPU. / GPU のメモリ。"""
    architecture: Literal["amd64", "arm64"] | None = None
    """Architecture of the CPU. / CPU のアーキテクチャ。"""
    cpu_count: int | None = None
    """Hardware threads, at least. / CPU のスレッド数。"""
    memory_gib: int | None = None
    """Memory, at least. / メモリ。"""
    nvlink_domain_gpus: int | None = None
    """GPUs of one NVLink domain, those of other machines included. / NVLink ドメインの GPU 数。"""
    distribution: Text | None = None
    """Distribution of the system, for example `ubuntu`. / ディストリビューション。"""
    suite: Text | None = None
    """Code name of the release, for example `noble`. / リリースのコード名。"""
    interface: Text | None = None
    """Interface on which the machines meet. / ノード間通信のインターフェース。"""


def _over_https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_this_machine(parts.hostname or ""):
        raise refusal("https で始めてください", "must begin with https")
    return url


class Bmc(Inputs):
    """The board's own controller, and by what its certificate is known."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s@?#]+$"), AfterValidator(_over_https)]
    """Redfish root, with https unless it is this machine. / Redfish のルート URL（https）。"""
    certificate_sha256: str | None = Field(
        default=None, pattern=r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$"
    )
    """SHA-256 of its certificate. / 証明書の SHA-256。"""
    ca_file: Text | None = None
    """File of the certificates that signed it. / 署名した認証局の証明書ファイル。"""


class HostInputs(Governed):
    """A machine that a contract hands over: adopted and checked, never made or removed."""

    contract: Text
    """Key of the contract. / 契約のキー。"""
    name: Text
    """What the operator calls the machine. / 事業者が付けた名前。"""
    address: HostName
    """Where SSH reaches it. / SSH の接続先。"""
    port: int = Field(default=22, ge=1, le=65535)
    """Port of SSH. / SSH のポート。"""
    host_key: HostKey
    """Public SSH host key; a machine with another one is refused. / SSH ホスト鍵。"""
    user: str = Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    """Login user. / ログインユーザー。"""
    jump: Jump | None = None
    """Jump host, `user@host[:port]`. / 踏み台。"""
    jump_key: HostKey | None = None
    """The jump host's own key. / 踏み台のホスト鍵。"""
    rack: Text | None = None
    """Rack. / ラック。"""
    tray: int | None = None
    """Tray of the rack. / トレイ。"""
    bmc: Bmc | None = None
    """Its board controller; given only where the contract allows to switch the power.
    / BMC。契約で電源の操作が許されているときだけ指定します。"""
    paid_until: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    """Last day that is paid for. / 支払い済みの最終日。"""
    private_key_file: Text
    """Path of the private key, absolute or from the project's root. / 秘密鍵のパス。"""
    key_id: Text
    """Start of the public key's SHA-256: shows a rotation. / 公開鍵のダイジェストの先頭。"""
    ssh_config_file: str = ""
    """The only configuration file that ssh reads; none if empty. / SSH の設定ファイル。"""
    expected: Expected
    """What must be in the box. / 契約どおりの内容。"""


class Facts(Computed):
    """What was seen in the box."""

    taken_at: str
    """When, for example `2026-01-31T09:00:00Z`. / 確認した時刻（UTC）。"""
    simulated: bool
    """True for a host of the lab. / ラボの模擬ホストか。"""
    architecture: str
    """Architecture of the CPU. / CPU のアーキテクチャ。"""
    host_name: str
    """What it calls itself. / ホスト名。"""
    os: str
    """Distribution, version and code name. / OS。"""
    cpu_count: int | None = None
    """Hardware threads. / CPU のスレッド数。"""
    memory_gib: int | None = None
    """Memory. / メモリ。"""
    gpus: list[str]
    """Names of the GPUs; empty where no tool tells them. / GPU の名前。"""
    gpu_driver: str | None = None
    """Version of the GPU driver. / GPU ドライバーのバージョン。"""
    pci_devices: list[str]
    """PCI ids of what may be a GPU. / GPU と思われる PCI デバイス。"""
    fabric: dict[str, str]
    """State of the NVLink fabric. / NVLink ファブリックの状態。"""
    disks: list[str]
    """Disks with their size. / ディスク。"""
    nics: list[str]
    """Interfaces with their state. / ネットワークインターフェース。"""
    fabric_devices: list[str]
    """RDMA devices. / RDMA デバイス。"""
    marked_by: str | None = None
    """Id of the stack that configured it. / 構成したスタックの ID。"""
    power: str | None = None
    """`On` or `Off`, as its board controller tells. / 電源の状態。"""
    health: str | None = None
    """`OK`, `Warning` or `Critical`, as its board controller judges. / BMC が報告する健全性。"""


class FoundFinding(Computed):
    """A comparison of the box with the contract."""

    check: str
    """What was compared. / 比べたもの。"""
    verdict: Literal["pass", "fail", "not-verified"]
    """Not verified never counts as pass. / 判定。「未検証」は合格ではありません。"""
    expected: str
    """What the contract says. / 契約の内容。"""
    seen: str
    """What was seen. / 実際の内容。"""


class HostComputed(Computed):
    """What the look at the box has shown."""

    server_id: str
    """Fingerprint of the host key: another one is another machine. / ホスト鍵の指紋。"""
    facts: Facts
    """What is in the box. / 実際の内容。"""
    findings: list[FoundFinding]
    """Every comparison with the contract. / 契約との比較。"""


class NetworkInputs(Governed):
    """A network that a contract hands over: declared, not made."""

    contract: Text
    """Key of the contract. / 契約のキー。"""
    name: Text
    """Name in the contract. / 契約での名前。"""
    cidr: Text
    """IPv4 network. / ネットワーク。"""
    access: Literal["wvs2", "internet"]
    """How one gets in. / 接続方法。"""
    interface: Text
    """Interface of the hosts in it. / ホストのインターフェース。"""


class ShareInputs(Governed):
    """A file system that a contract hands over: declared, not made."""

    contract: Text
    """Key of the contract. / 契約のキー。"""
    name: Text
    """Name in the contract. / 契約での名前。"""
    kind: Literal["nfs", "lustre"]
    """Kind of the file system. / ファイルシステムの種類。"""
    source: Text
    """`server:/path`. / マウント元。"""
    size_gib: int = Field(gt=0)
    """Size. / 容量。"""
