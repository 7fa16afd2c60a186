"""Decides to which root URLs of an API credentials may be sent."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from kokunai.problems import refusal

_PLAIN = re.compile(r"[A-Za-z0-9._~:/\[\]@?#%&=+!$'()*,;-]+")
_NAME = re.compile(
    r"(?=.{1,253}\.?$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?"
)
_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
_HTTPS_PORT = 443


def checked_root_url(url: str, seller_domain: str) -> str:
    """The URL, for a pydantic validator. Refuses what would send credentials astray.

    https is asked of all but this machine; the seller's own hosts answer at the usual port only.
    """
    if not _PLAIN.fullmatch(url):
        raise _refused("使えない文字があります", "it has a character that no URL may have")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or ""), parts.port
    except ValueError:
        raise _refused(
            "ホストかポートが読み取れません", "its host or port cannot be read"
        ) from None
    _refuse_form(parts, host)
    if is_this_machine(host):
        return url
    if parts.scheme != "https":
        raise _refused(
            "このマシン以外には https が必要です", "only this machine may do without https"
        )
    is_seller = f".{host.rstrip('.')}".endswith(f".{seller_domain}")
    if is_seller and port not in {None, _HTTPS_PORT}:
        raise _refused(
            f"{seller_domain} のポートは 443 だけです", f"{seller_domain} has port 443 only"
        )
    return url


def is_this_machine(host: str) -> bool:
    """Whether the host is this machine, written as `localhost` or as a loopback address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_form(parts: SplitResult, host: str) -> None:
    if parts.scheme not in {"http", "https"}:
        raise _refused("https:// で始まっていません", "it does not begin with https://")
    if "@" in parts.netloc:
        raise _refused(
            "ユーザー名やパスワードは書けません", "it must not have a user name or password"
        )
    if not _is_host(host):
        raise _refused("ホスト名が正しくありません", "its host name is wrong")
    if parts.query or parts.fragment or set("?#") & set(parts.geturl()):
        raise _refused("? や # は書けません", "it must not have a query or fragment")
    if not _PATH.fullmatch(parts.path):
        raise _refused("パスが正しくありません", "its path is wrong")


def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # A name that ends in a number would be read as an address by some programs.
        last = host.rstrip(".").rpartition(".")[2]
        return bool(_NAME.fullmatch(host)) and not last[:1].isdigit()
    return "%" not in host


def _refused(ja: str, en: str) -> Exception:
    return refusal(
        f"この URL は使えません。{ja}。例: https://secure.sakura.ad.jp/cloud/zone",
        f"this URL cannot be used: {en}; for example https://secure.sakura.ad.jp/cloud/zone.",
    )
