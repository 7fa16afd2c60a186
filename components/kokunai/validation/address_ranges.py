"""Says which IPv4 networks make sense for a private network, and as the origin of logins."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, collapse_addresses
from typing import TYPE_CHECKING

from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

FORM = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""Ranges that anybody may use inside (RFC 1918)."""
_NEVER = {
    IPv4Network("0.0.0.0/8"): ("「このネットワーク」", "current-network"),
    IPv4Network("127.0.0.0/8"): ("ループバック", "loopback"),
    IPv4Network("169.254.0.0/16"): ("リンクローカル", "link-local"),
    IPv4Network("224.0.0.0/4"): ("マルチキャスト", "multicast"),
    IPv4Network("240.0.0.0/4"): ("予約済み", "reserved"),
}
_LONGEST_PREFIX = 30
# Four of the 256 blocks of the first byte: no organisation in Japan holds as much.
_EVERYBODY = 4 * 2**24
_ALLOWED_JA = "10.0.0.0/8、172.16.0.0/12、192.168.0.0/16 の中から選んでください"
_ALLOWED_EN = "choose one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"


def network(text: str) -> str:
    """Refuse what is no IPv4 network in CIDR form; netmasks and set host bits included."""
    try:
        IPv4Network(text if re.fullmatch(FORM, text) else "")
    except ValueError:
        raise refusal(
            "IPv4 のネットワーク（例 192.168.10.0/24）を指定してください",
            "must be an IPv4 network such as 192.168.10.0/24",
        ) from None
    return text


def cluster_network(text: str) -> str:
    """Refuse networks that cannot hold nodes, such as loopback, multicast or one address."""
    given = IPv4Network(network(text))
    for reserved, (ja, en) in _NEVER.items():
        if given.overlaps(reserved):
            raise refusal(
                f"{text} は{ja}用の範囲と重なり、ノードには使えません。{_ALLOWED_JA}",
                f"{text} overlaps the {en} range and cannot hold nodes; {_ALLOWED_EN}",
            )
    if given.prefixlen > _LONGEST_PREFIX:
        raise refusal(
            f"{text} にはノードの番号がありません。/{_LONGEST_PREFIX} 以下にしてください",
            f"{text} has no room for nodes; use /{_LONGEST_PREFIX} or larger networks",
        )
    return text


def is_private(text: str) -> bool:
    """Whether a network lies inside one of the private ranges."""
    return any(IPv4Network(text).subnet_of(range_) for range_ in PRIVATE)


def not_private(text: str) -> tuple[str, str]:
    """Why a network outside the private ranges is refused, in Japanese and in English."""
    ja = (
        f"{text} はプライベートアドレスではなく、本来の持ち主に届かなくなります。{_ALLOWED_JA}。"
        "意図したものなら allow_any_range: true を書いてください"
    )
    en = (
        f"{text} is no private range, and its owners would be out of reach; {_ALLOWED_EN}, "
        "or write allow_any_range: true where it is meant"
    )
    return ja, en


def source(text: str) -> str:
    """Refuse networks from which no packet can come."""
    given = IPv4Network(network(text))
    for reserved, (ja, en) in _NEVER.items():
        if given.subnet_of(reserved):
            raise refusal(
                f"{text} は{ja}用の範囲で、ここからの接続は届きません。"
                "ログイン元のネットワークを書いてください",
                f"{text} is a {en} range, from which nothing arrives; "
                "give the networks that you log in from",
            )
    return text


def is_everybody(networks: Iterable[str]) -> bool:
    """Whether networks together are so large that they mean the whole Internet."""
    given = collapse_addresses(map(IPv4Network, networks))
    return sum(one.num_addresses for one in given) >= _EVERYBODY
