"""Texts that must be one token or one line, because they end up in a file on a host."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from ipaddress import IPv4Network, ip_address
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema

from kokunai.foreign_text import shown
from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import PydanticCustomError

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that end a line, reorder it or cannot be seen."""
_HOST = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?$"
_RESOLVER = r"^[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?$"
_WORD = r"^[A-Za-z0-9$(./_][A-Za-z0-9$().+_:~/-]*$"
_KEYRING = r"^(?:/[A-Za-z0-9._+@~%,:-]+)+$"
_ARCHIVE = r"^https?://[^\s{}@?#]+$"
_ARCHIVE_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_THIS_NETWORK, _BROADCAST = IPv4Network("0.0.0.0/8"), IPv4Network("240.0.0.0/4")
_LONGEST_HOST, _LONGEST_LABEL = 253, 63


def invisible(text: str) -> str | None:
    """The first character that nobody sees or that ends a line, as `U+200B`; None without."""
    found = next((mark for mark in text if unicodedata.category(mark) in _INVISIBLE), None)
    return f"U+{ord(found):04X}" if found else None


def control(text: str) -> str | None:
    """The first control character, as `U+001B`; None without."""
    found = next((mark for mark in text if unicodedata.category(mark) == "Cc"), None)
    return f"U+{ord(found):04X}" if found else None


def one_line(text: str) -> str:
    """Refuse control characters, line breaks and what cannot be seen."""
    if found := invisible(text):
        raise refusal(
            f"見えない文字か改行（{found}）が入っています。取り除いてください",
            f"holds an invisible character or a line break ({found}); remove it",
        )
    return text


def file_path(text: str) -> str:
    """Refuse a path with what nobody sees, or with white space at either end."""
    if text != text.strip():
        raise _not("前後に空白のないパス", "a path without space at either end", text)
    return one_line(text)


def host_name(text: str) -> str:
    """Refuse what is neither a host name nor an IP address."""
    if re.fullmatch(_RESOLVER, text) and is_address(text):
        return text
    labels = text.removesuffix(".").split(".")
    fits = len(text) <= _LONGEST_HOST and all(0 < len(one) <= _LONGEST_LABEL for one in labels)
    # Digits alone at the end would be read as a shortened IPv4 address.
    if not re.fullmatch(_HOST, text) or not fits or labels[-1].isdigit():
        raise _not("ホスト名か IP アドレス（例 ntp.nict.jp）", "a host name or an IP address", text)
    return text


def _resolver(text: str) -> str:
    if not re.fullmatch(_RESOLVER, text) or not is_address(text):
        raise _not("IP アドレス（例 192.168.1.53）", "an IP address such as 192.168.1.53", text)
    if why := _no_server(text):
        raise refusal(
            f"{shown(text, 60)} は{why[0]}です。ノードから届く DNS サーバーを指定してください"
            "（省くと、データセンターのものを使います）",
            f"{shown(text, 60)} is {why[1]}; give a resolver that the nodes reach "
            "(left out, that of the site is used)",
        )
    return text


def _no_server(text: str) -> tuple[str, str] | None:
    """Why no other machine can be at an address; None where one can."""
    given = ip_address(text)
    address = getattr(given, "ipv4_mapped", None) or given
    if address.is_loopback:
        return "ノード自身を指すアドレス（ループバック）", "the node itself (loopback)"
    if address.is_unspecified or address in _THIS_NETWORK:
        return "ホストを指さないアドレス", "the address of no host"
    if address.is_multicast or address in _BROADCAST:
        return "マルチキャストか予約済みのアドレス", "a multicast or reserved address"
    return None


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _word(text: str) -> str:
    if not re.fullmatch(_WORD, text):
        raise _not(
            "空白のない 1 語（例 bookworm）", "one word without space such as bookworm", text
        )
    return text


def _keyring(text: str) -> str:
    if not re.fullmatch(_KEYRING, text):
        raise _not(
            "ノード上の絶対パス（例 /usr/share/keyrings/own.gpg）",
            "an absolute path on the nodes such as /usr/share/keyrings/own.gpg",
            text,
        )
    return text


def _archive(text: str) -> str:
    """Refuse what APT would not read as one address, and logins, which would stand in clear."""
    one_line(text)
    try:
        parts = urlsplit(text)
        host, port_is_good = parts.hostname or "", parts.port != 0
    except ValueError:
        raise _no_archive(text) from None
    if "@" in text or parts.query:
        raise refusal(
            "URI にユーザー名、パスワード、クエリは書けません。ステートに平文で残るためです。"
            "認証情報は kokunai:packageSourceCredentials（secure）に書いてください",
            "must hold no login and no query: they would stand in the state in clear; "
            "put credentials into kokunai:packageSourceCredentials (secure)",
        )
    if not host:
        raise _no_archive(text)
    is_good = parts.scheme in {"http", "https"} and port_is_good
    if not is_good or parts.fragment or not _ARCHIVE_PATH.fullmatch(parts.path):
        raise _no_archive(text)
    if re.search(r"\s|[?#\\]|%[01][0-9A-Fa-f]", text):
        raise _no_archive(text)
    host_name(host)
    return text


def _no_archive(text: str) -> PydanticCustomError:
    return _not(
        "http か https の URI（例 https://mirror.example.jp/debian）",
        "an http or https URI such as https://mirror.example.jp/debian",
        text,
    )


def _not(ja: str, en: str, text: str) -> PydanticCustomError:
    """The refusal of a text that is something else."""
    return refusal(
        f"{ja}を指定してください（書かれた値: {shown(repr(text), 80)}）",
        f"must be {en} (got {shown(repr(text), 80)})",
    )


def _schema(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


HostName = Annotated[str, AfterValidator(host_name), _schema(f"{_HOST}|{_RESOLVER}")]
"""A host name or an IP address."""
Resolver = Annotated[str, AfterValidator(_resolver), _schema(_RESOLVER)]
"""An IP address: a resolver cannot be found by name."""
Word = Annotated[str, AfterValidator(_word), _schema(_WORD)]
"""A suite or a component of an APT source."""
Keyring = Annotated[str, AfterValidator(_keyring), _schema(_KEYRING)]
"""An absolute path on a host."""
Archive = Annotated[str, AfterValidator(_archive), _schema(_ARCHIVE)]
"""Address of an APT archive."""
Line = Annotated[str, AfterValidator(one_line)]
"""Text without control characters and line breaks."""

# Variables of this package's roles, whose values stand between others on one line of a file.
_OF_ROLES = ("base_", "firewall_", "nccl_", "storage_client_", "verify_")
_WITH_SPACES = frozenset({"base_kernel_parameters", "nccl_environment", "verify_kernel_parameters"})
_OF_TEXTS = "\t\n\r"


def variable_mistakes(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """What must not stand in a variable of roles, in Japanese and in English, with its place.

    Variables of other roles may hold several lines. Values that are not known yet are passed over;
    keys of mappings count as text.
    """
    is_ours = name.startswith(_OF_ROLES)
    for place, text, is_key in _texts(name, value):
        looked_at = text if is_ours else text.translate(dict.fromkeys(map(ord, _OF_TEXTS)))
        if found := (invisible if is_ours else control)(looked_at):
            yield (
                f"変数 {place} に改行か見えない文字（{found}）は使えません。",
                f"The variable {place} must hold no line break and nothing invisible ({found}).",
            )
        elif is_ours and (is_key or name not in _WITH_SPACES) and re.search(r"\s", text):
            yield (
                f"変数 {place} は空白のない 1 語で指定してください。",
                f"The variable {place} must be one word without space.",
            )


def _texts(place: str, value: Any) -> Iterator[tuple[str, str, bool]]:
    """Every text in a value with its place, and whether it is the key of a mapping."""
    if isinstance(value, str):
        yield place, value, False
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield place, str(key), True
            yield from _texts(f"{place}.{shown(key, 40)}", member)
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield from _texts(f"{place}[{index}]", member)
