"""Brings host names and addresses into one canonical spelling, however they were written."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL = re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*:(?:/|\\){2}[^\s\"'<>`]*", re.IGNORECASE)
_LIMIT_NAME = 253
_SEVERAL = re.compile(r"[\s,;]|://.*://", re.DOTALL)
# Characters not allowed in URLs: programs disagree about where a URL with them ends.
_NEVER = re.compile(r"[\s\\{}<>\"`]")
_AUTHORITY_END = re.compile(r"[/?#]")
_NAME = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$"
)
_BARE = re.compile(
    r"(?<![\w.-])(?:[\w-]+\.)+[^\W\d_][\w-]+\.?(?![\w-])|(?<![\w.])\d+(?:\.\d+){3}(?![\w.])"
)
_DOTS = str.maketrans("。．｡", "...")
# Addresses that never leave the user's own network (RFC 1918, RFC 4193). Link-local ones are not
# among them, because clouds run services of their own there.
_INSIDE: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


@dataclass(frozen=True)
class Host:
    """A host in canonical form: lower case, no trailing dot, punycode; an address as an address."""

    name: str
    address: Address | None = None

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        if self.address is not None:
            return self.address.is_loopback
        return self.name == "localhost" or self.name.endswith(".localhost")

    @property
    def inside(self) -> bool:
        """Whether it is in the user's own network."""
        address = self.address
        return address is not None and any(
            address.version == network.version and address in network for network in _INSIDE
        )


def canonical(text: str) -> Host | None:
    """Canonical host of a bare host, `host:port` or URL; None for any other text."""
    plain = unicodedata.normalize("NFKC", text).translate(_DOTS).strip()
    if _NEVER.search(plain):
        return None
    if "://" in plain:
        plain = plain.split("://", maxsplit=1)[1]
        plain = _AUTHORITY_END.split(plain, maxsplit=1)[0]
    # The part before the last @ is a user name, not a host.
    plain = plain.rpartition("@")[2]
    return _host(_without_port(plain).rstrip(".").lower())


def is_protected(text: str) -> bool:
    """Whether a URL is https at the usual port; a text without a scheme says neither."""
    plain = unicodedata.normalize("NFKC", text).translate(_DOTS).strip().lower()
    scheme, separator, rest = plain.partition("://")
    if not separator:
        return True
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0].rpartition("@")[2]
    _, _, port = authority.rpartition("]")[2].partition(":")
    return scheme == "https" and port in {"", "443"}


def _without_port(authority: str) -> str:
    """The authority without its port; empty if what follows the host is not a port."""
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
        port = port.removeprefix(":")
    elif authority.count(":") == 1:
        host, _, port = authority.partition(":")
    else:
        host, port = authority, ""
    return host if not port or port.isdecimal() else ""


def _host(text: str) -> Host | None:
    # Longer texts are no names, and the library's punycode is very slow for them.
    if not 0 < len(text) <= _LIMIT_NAME:
        return None
    address = _address(text.partition("%")[0])
    if address is not None:
        return Host(str(address), address)
    try:
        name = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    return Host(name) if _NAME.fullmatch(name) else None


def _address(text: str) -> Address | None:
    try:
        address: Address = ipaddress.ip_address(text)
    except ValueError:
        return _loose_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _loose_address(text: str) -> Address | None:
    """IPv4 in the decimal, hexadecimal and octal forms that resolvers accept."""
    parts = text.split(".")
    if len(parts) > 4:
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    *heads, last = numbers
    if any(head > 255 for head in heads) or last >= 256 ** (5 - len(parts)):
        return None
    value = sum(head << (24 - 8 * index) for index, head in enumerate(heads)) + last
    return ipaddress.IPv4Address(value)


def _number(text: str) -> int:
    if not text or not text[0].isdigit():
        raise ValueError(text)
    if text[:2] in {"0x", "0X"}:
        return int(text, 16)
    return int(text, 8) if len(text) > 1 and text[0] == "0" else int(text)


def is_file(text: str) -> bool:
    """Whether the text is a URL of a file on the host itself."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    return plain.startswith("file:/") and not _NEVER.search(plain)


def every(text: str) -> list[Host]:
    """All hosts in a text: the text itself if it is a host or a URL, else those within it."""
    plain = unicodedata.normalize("NFKC", text).translate(_DOTS).strip()
    if not _SEVERAL.search(plain):
        host = canonical(plain)
        return [host] if host else []
    named = [*_URL.findall(plain), *_BARE.findall(_URL.sub(" ", plain))]
    hosts = [canonical(name) for name in named]
    return [host for host in hosts if host is not None] if all(hosts) else []


def is_known(host: Host, patterns: Iterable[str]) -> bool:
    """Whether a pattern covers this host; whole labels are compared."""
    return any(_matches(host.name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and len(name) > len(pattern) - 1
    return name == pattern
