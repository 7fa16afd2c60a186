"""Texts that must be one token or one line, because they end up in a file on a host."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema

from kokunai.foreign_text import shown
from kokunai.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories of characters that end a line, reorder it or cannot be seen."""
_HOST = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?$"
_RESOLVER = r"^[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?$"
_WORD = r"^[A-Za-z0-9$(./_][A-Za-z0-9$().+_:~/-]*$"
_KEYRING = r"^(?:/[A-Za-z0-9._+@~%,:-]+)+$"
_ARCHIVE = r"^https?://[^\s{}@?#]+$"
_ARCHIVE_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_LONGEST_HOST, _LONGEST_LABEL = 253, 63


def invisible(text: str) -> str | None:
    """The first character that nobody sees or that ends a line, as `U+200B`; None without."""
    found = next((mark for mark in text if unicodedata.category(mark) in _INVISIBLE), None)
    return f"U+{ord(found):04X}" if found else None


def one_line(text: str) -> str:
    """Refuse control characters, line breaks and what cannot be seen."""
    if found := invisible(text):
        raise refusal(
            f"見えない文字か改行（{found}）が入っています。取り除いてください",
            f"holds an invisible character or a line break ({found}); remove it",
        )
    return text


def _host(text: str) -> str:
    if re.fullmatch(_RESOLVER, text) and _is_address(text):
        return text
    labels = text.removesuffix(".").split(".")
    fits = len(text) <= _LONGEST_HOST and all(0 < len(one) <= _LONGEST_LABEL for one in labels)
    # Digits alone at the end would be read as a shortened IPv4 address.
    if not re.fullmatch(_HOST, text) or not fits or labels[-1].isdigit():
        raise _not("ホスト名か IP アドレス（例 ntp.nict.jp）", "a host name or an IP address", text)
    return text


def _resolver(text: str) -> str:
    if not re.fullmatch(_RESOLVER, text) or not _is_address(text):
        raise _not("IP アドレス（例 192.168.1.53）", "an IP address such as 192.168.1.53", text)
    return text


def _is_address(text: str) -> bool:
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
    if "@" in parts.netloc:
        raise refusal(
            "URI にユーザー名とパスワードは書けません。ステートに平文で残るためです。"
            "kokunai:packageSourceCredentials（secure）に書いてください",
            "must hold no login: it would stand in the state in clear; "
            "put it into kokunai:packageSourceCredentials (secure)",
        )
    is_good = parts.scheme in {"http", "https"} and port_is_good and not parts.query
    if not is_good or parts.fragment or not _ARCHIVE_PATH.fullmatch(parts.path):
        raise _no_archive(text)
    if re.search(r"\s|[?#\\]", text):
        raise _no_archive(text)
    _host(host)
    return text


def _no_archive(text: str) -> Exception:
    return _not(
        "http か https の URI（例 https://mirror.example.jp/debian）",
        "an http or https URI such as https://mirror.example.jp/debian",
        text,
    )


def _not(ja: str, en: str, text: str) -> Exception:
    """The refusal of a text that is something else."""
    return refusal(
        f"{ja}を指定してください（書かれた値: {shown(repr(text), 80)}）",
        f"must be {en} (got {shown(repr(text), 80)})",
    )


def _token(check: Callable[[str], str], pattern: str) -> Any:
    schema = WithJsonSchema({"type": "string", "pattern": pattern})
    return Annotated[str, AfterValidator(check), schema]


HostName = _token(_host, _HOST[:-1].replace("^", "^(?:", 1) + "|[0-9A-Fa-f:.]+)$")
"""A host name or an IP address."""
Resolver = _token(_resolver, _RESOLVER)
"""An IP address: a resolver cannot be found by name."""
Word = _token(_word, _WORD)
"""A suite or a component of an APT source."""
Keyring = _token(_keyring, _KEYRING)
"""An absolute path on a host."""
Archive = _token(_archive, _ARCHIVE)
"""Address of an APT archive."""
Line = Annotated[str, AfterValidator(one_line)]
"""Text without control characters and line breaks."""

# Variables of the roles whose values stand between others on one line of a file.
_OF_ONE_TOKEN = ("base_", "nccl_", "storage_client_")
_WITH_SPACES = frozenset({"base_kernel_parameters"})


def variable_mistakes(name: str, value: Any) -> Iterator[tuple[str, str, str]]:
    """What must not stand in a variable of the roles: its place, and the words in both languages.

    Values that are not known yet are passed over; keys of mappings count as text.
    """
    is_token = name.startswith(_OF_ONE_TOKEN)
    for place, text, is_key in _texts(name, value):
        if found := invisible(text):
            yield (
                place,
                f"変数 {place} に改行か見えない文字（{found}）は使えません。",
                f"The variable {place} must hold no line break and nothing invisible ({found}).",
            )
        elif is_token and (is_key or name not in _WITH_SPACES) and re.search(r"\s", text):
            yield (
                place,
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
