"""Inputs and outputs of `kokunai:contract:SlurmCluster`, with every mistake on its property."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from kokunai.plugin.ansible.inputs import Check
from kokunai.plugin.inputs import Computed, Governed
from kokunai.problems import refusal
from kokunai.validation.tokens import Line

FilePath = Annotated[Line, Field(min_length=1)]
Name = Annotated[Line, Field(min_length=1)]
Word = Annotated[str, Field(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.+-]*)?$")]
"""A name in Slurm, which may be empty and never looks like an option."""
Verdicts = dict[str, Check]
_NO_ROOT = "root 以外のユーザーを指定してください", "must not be root; use an ordinary user"


def _ordinary(user: str) -> str:
    if user == "root":
        raise refusal(*_NO_ROOT)
    return user


class SlurmClusterInputs(Governed):
    """GPUs of a Slurm cluster, reached through its login node and looked at with a short job.

    Nothing is installed or configured there, and a delete leaves it as it is.
    """

    pool: Name
    """Name of the pool. / プール名。"""
    address: str = Field(pattern=r"^[A-Za-z0-9:][A-Za-z0-9.:%-]*$")
    """Address of the login node. / ログインノードのアドレス。"""
    port: int = Field(default=22, ge=1, le=65535)
    """Port of SSH. / SSH のポート。"""
    user: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_.-]*$"), AfterValidator(_ordinary)]
    """Login user, never root. / ログインユーザー（root は不可）。"""
    host_key: str = Field(pattern=r"^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$", max_length=4096)
    """The key that the login node must show, `ssh-ed25519 AAAA...`. / ログインノードのホスト鍵。"""
    private_key_file: FilePath
    """Path of the private key, absolute or from the project's root. / 秘密鍵のパス。"""
    key_id: str = Field(min_length=1)
    """Start of the public key's SHA-256: shows a rotation. / 公開鍵のダイジェストの先頭。"""
    ssh_config_file: str = ""
    """The only configuration file that ssh reads; none if empty. / SSH の設定ファイル。"""
    partition: Word = ""
    """Partition of the jobs; the default one if empty. / パーティション。"""
    account: Word = ""
    """Account that pays for the jobs, for example a group's points. / 課金先のアカウント。"""
    node_count: int = Field(ge=1, le=200)
    """Nodes that a job of the pool gets. / ノード数。"""
    gpus_per_node: int = Field(ge=1, le=64)
    """GPUs of each. / 1 ノードの GPU 数。"""
    gpu_model: str = Field(min_length=2, max_length=64)
    """Words that the name of every GPU has, for example `B200`. / GPU の型番。"""
    gpu_type: Word = ""
    """Slurm's own word for the GPUs, where it has several kinds. / Slurm での GPU の種類。"""
    queue_seconds: int = Field(default=600, ge=10, le=86400)
    """How long the job may wait for its nodes. / ジョブの開始を待つ秒数。"""


class SlurmPartition(Computed):
    """A partition as it is configured, whatever runs there now."""

    name: str
    """Its name. / 名前。"""
    node_count: int
    """All of its nodes. / ノード数。"""
    gpus: list[str]
    """GPUs of a node, for example `b200:8`. / 1 ノードの GPU。"""
    time_limit: str
    """The longest time of a job, as Slurm writes it. / ジョブの最長時間。"""


class SlurmClusterComputed(Computed):
    """What was seen of the cluster."""

    version: str
    """Slurm's version. / Slurm のバージョン。"""
    partitions: list[SlurmPartition]
    """The partitions that the user sees. / パーティション。"""
    verified: Verdicts
    """Verdict of each check by its name. / 検証結果。"""
