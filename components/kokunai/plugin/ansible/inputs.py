"""Inputs and outputs of `kokunai:ansible:Configuration`, with every mistake on its property."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from kokunai.contracts.rows import HostKey as JumpKey
from kokunai.contracts.rows import Jump
from kokunai.plugin.ansible import host_keys
from kokunai.plugin.inputs import Computed, Governed, Inputs, MaybeUnknown
from kokunai.problems import refusal
from kokunai.validation.tokens import Line, variable_mistakes

_NAME = r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$"
# Neither may begin with a dash, or ssh would read it as an option.
_ADDRESS = r"^[A-Za-z0-9:][A-Za-z0-9.:%-]*$"
_USER = r"^[a-z_][a-z0-9_-]*$"
_VARIABLE = re.compile(r"[a-z_][a-z0-9_]*")


def _variables(values: dict[str, Any]) -> dict[str, Any]:
    for name, value in values.items():
        if not _VARIABLE.fullmatch(name) or name.startswith("ansible_"):
            raise refusal(
                f"変数名「{name}」は使えません（英小文字、数字、_ のみ。ansible_ は不可）。",
                f'The variable name "{name}" cannot be used: lower case, digits and _, '
                "not starting with ansible_.",
            )
        if any(mark in str(value) for mark in ("{{", "{%", "{#")):
            raise refusal(
                f"変数 {name} にテンプレート記号（{{{{ と {{% と {{#）は使えません。",
                f"The variable {name} must not hold template marks ({{{{, {{% and {{#).",
            )
        if mistake := next(variable_mistakes(name, value), None):
            raise refusal(*mistake)
    return values


def _secrets(values: dict[str, Any]) -> dict[str, Any]:
    # Only the names are checked: values may be anything, because they are never used as templates.
    _variables(dict.fromkeys(values, ""))
    return values


def _once(hosts: list[Any]) -> list[Any]:
    names = Counter(host.name for host in hosts if isinstance(host, HostInputs))
    twice = [str(name) for name, count in names.items() if count > 1]
    if twice:
        raise refusal(
            f"ホスト名が重なっています: {', '.join(twice)}",
            f"Host names must differ; given twice: {', '.join(twice)}",
        )
    return hosts


def _host_key(text: str) -> str | None:
    if text and not host_keys.PUBLIC_KEY.fullmatch(text):
        raise refusal(
            "SSH の公開鍵（例 ssh-ed25519 AAAA...）を指定してください。",
            "must be a public key of SSH such as ssh-ed25519 AAAA...",
        )
    return text or None


HostKey = Annotated[str, AfterValidator(_host_key)]
Variables = Annotated[dict[str, Any], AfterValidator(_variables)]


class HostInputs(Inputs):
    """A host of the pool."""

    name: str = Field(pattern=_NAME, max_length=63)
    """Name in results and messages. / 結果や通知に出る名前。"""
    address: str = Field(pattern=_ADDRESS)
    """Address that SSH connects to. / SSH の接続先。"""
    server_id: str = Field(min_length=1)
    """Changes when the server is another one; then a new host key is accepted. / サーバーの ID。"""
    user: str = Field(pattern=_USER)
    """Login user; any but root uses sudo. / ログインユーザー。"""
    disk_config_id: str | None = None
    """Changes when the provider wrote the host's files anew. / 事業者がディスクに書いた設定。"""
    port: int = Field(default=22, ge=1, le=65535)
    """Port of SSH. / SSH のポート。"""
    host_key: HostKey | None = None
    """Host key that the first login must find; without it whoever answers first is believed.
    / 最初の接続で確かめるホスト鍵。なければ、最初に応答したものを信じます。"""
    jump: Jump | None = None
    """Jump host, `user@host[:port]`, where the host cannot be reached directly. / 踏み台。"""
    jump_key: JumpKey | None = None
    """The jump host's own key. / 踏み台のホスト鍵。"""
    owner: str | None = Field(default=None, pattern=r"^[0-9a-f]{16}$")
    """Id of the stack, written onto a host that nothing else can mark. / ホストに書く所有者 ID。"""
    variables: Variables = Field(default={})
    """Variables of this host. / このホストの変数。"""


class ConfigurationInputs(Governed):
    """The playbooks on every host of a pool, again only where something changed."""

    pool: Line = Field(min_length=1)
    """Name of the pool. / プール名。"""
    hosts: Annotated[list[MaybeUnknown[HostInputs]], AfterValidator(_once)]
    """Hosts to configure. / 構成するホスト。"""
    role_digest: str = Field(min_length=1)
    """Digest of the playbooks: another one configures every host again. / プレイブックの要約値。"""
    variables: Variables
    """Variables of every host. / 全ホスト共通の変数。"""
    secret_variables: Annotated[dict[str, Any], AfterValidator(_secrets)] | None = None
    """Variables that are secret. / 秘密の変数。"""
    private_key_file: Line = Field(min_length=1)
    """Path of the private key, absolute or from the project's root. / 秘密鍵のパス。"""
    key_id: str = Field(min_length=1)
    """Start of the public key's SHA-256: shows a rotation. / 公開鍵のダイジェストの先頭。"""
    ssh_config_file: str = ""
    """The only configuration file that ssh reads; none if empty. / SSH の設定ファイル。"""
    share_ids: list[MaybeUnknown[str]] | None = None
    """Another id is another share behind the same address. / 共有ストレージの ID。"""


class Check(Computed):
    """What was looked at on a host, and whether it is as promised."""

    value: Any = None
    """What was seen. / 確認した値。"""
    verdict: Literal["pass", "fail", "not-verified"]
    """Not verified never counts as pass. / 判定。「未検証」は合格ではありません。"""
    reason: str
    """Why, where it did not pass. / 合格でない理由。"""
    taken_at: str
    """When it was judged, for example `2026-01-31T09:00:00Z`. / 判定した時刻（UTC）。"""


class Result(Computed):
    """How the last run ended on a host."""

    status: Literal["ok", "failed", "unreachable", "rekeyed", "interrupted"]
    """Only `ok` is finished; `rekeyed` showed another SSH host key. / 結果。"""
    changed: int
    """Tasks that changed something. / 変更したタスク数。"""
    ok: int
    """Tasks that ended well. / 成功したタスク数。"""
    failed: int
    """Tasks that failed. / 失敗したタスク数。"""
    message: str
    """What went wrong, where something did. / 失敗の理由。"""
    server_id: str
    """The server that was configured. / 構成したサーバーの ID。"""
    first_key: str
    """Host key that was pinned before the first login; empty where none was.
    / 最初の接続より前に固定したホスト鍵。固定していないときは空。"""


class ConfigurationComputed(Computed):
    """What was done to the hosts, and what was seen of them; every map is by host name."""

    host_digests: dict[str, str]
    """What was applied, by host. / 適用済みの内容。"""
    results: dict[str, Result]
    """How the last run of each host ended. / 実行結果。"""
    verified: dict[str, dict[str, Check]]
    """Verdict of each check by its name, by host. / ホストごとの検証結果。"""
    host_keys: dict[str, list[str]]
    """Lines of known_hosts, by host. / SSH ホスト鍵。"""
    drift: dict[str, list[str]]
    """What a check run would change, by host. / 構成との差。"""
