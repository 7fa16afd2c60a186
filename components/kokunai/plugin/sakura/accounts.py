"""Opens the accounts of the configuration, each with its connection, call limit and products."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from kokunai.drivers.object_storage import ObjectStorage
from kokunai.drivers.root_url import checked_root_url
from kokunai.drivers.sakura_http import API_ROOT_URL, CALLS_PER_SECOND, SakuraHttp
from kokunai.drivers.sakura_iaas import SakuraIaas
from kokunai.errors import KokunaiError
from kokunai.plugin.sakura.products import Products
from kokunai.plugin.settings import Section, SectionModel

if TYPE_CHECKING:
    from collections.abc import Mapping


_DOMAIN = "sakura.ad.jp"
_STORAGE_PATH = "is1a/api/objectstorage/1.0"
"""Of all places of the object storage; object-storage-api-go v0.2.0 client.go."""


def _root_url(value: str) -> str:
    return checked_root_url(value, _DOMAIN)


def _optional_root_url(value: str | None) -> str | None:
    return _root_url(value) if value is not None else None


class SakuraSettings(SectionModel):
    """Which API is asked, with which key, and how fast."""

    api_root_url: Annotated[str, AfterValidator(_root_url)] = API_ROOT_URL
    """Root of the API, with https unless it is this machine. / API のルート URL（https）。"""
    access_token: str | None = None
    """Access token. / アクセストークン。"""
    access_token_secret: str | None = None
    """Secret of the access token. / アクセストークンのシークレット。"""
    phy_api_root_url: Annotated[str | None, AfterValidator(_optional_root_url)] = None
    """Root of the API of dedicated servers; left out, at the host of the other one.
    / 専用サーバー PHY の API のルート URL。"""
    calls_per_second: float = Field(default=CALLS_PER_SECOND, gt=0, allow_inf_nan=False)
    """Most calls in a second. / 1 秒あたりの呼び出し数の上限。"""


def _variables(name: str) -> tuple[str, str]:
    """The environment variables of a setting, in the order in which Sakura's clients ask them."""
    return f"SAKURA_{name}", f"SAKURACLOUD_{name}"


SECTION = Section(
    prefix="sakura",
    model=SakuraSettings,
    environment={
        "api_root_url": _variables("API_ROOT_URL"),
        "access_token": _variables("ACCESS_TOKEN"),
        "access_token_secret": _variables("ACCESS_TOKEN_SECRET"),
        "phy_api_root_url": ("SAKURA_ENDPOINTS_PHY",),
        "calls_per_second": _variables("RATE_LIMIT"),
    },
    secret_fields=frozenset({"access_token", "access_token_secret"}),
)


class Account:
    """A client with credentials, and the products of its zones."""

    def __init__(self, api: SakuraIaas) -> None:
        self.api = api
        self.products = Products()


class Accounts:
    """Accounts by configuration, which all kinds share, so that the call limit holds."""

    def __init__(self) -> None:
        self._open: dict[tuple[object, ...], Account] = {}
        self._storages: dict[tuple[object, ...], ObjectStorage] = {}
        self.told_missing = False
        """Whether a preview has warned that there are no credentials."""

    @staticmethod
    def can_open(config: Mapping[str, Any]) -> bool:
        """Whether the configuration has credentials."""
        return bool(config.get("sakuraAccessToken") and config.get("sakuraAccessTokenSecret"))

    def of(self, config: Mapping[str, Any]) -> Account:
        """The account of a configuration. Raises KokunaiError without credentials."""
        if not self.can_open(config):
            raise missing_credentials()
        key = _key(config)
        if key not in self._open:
            self._open[key] = Account(_api(config))
        return self._open[key]

    def storage_of(self, config: Mapping[str, Any]) -> ObjectStorage:
        """The same account's object storage. Raises KokunaiError without credentials."""
        if not self.can_open(config):
            raise missing_credentials()
        key = _key(config)
        if key not in self._storages:
            self._storages[key] = _storage(config)
        return self._storages[key]

    async def close(self) -> None:
        """Close all connections."""
        while self._open:
            await self._open.popitem()[1].api.close()
        while self._storages:
            await self._storages.popitem()[1].close()


def _key(config: Mapping[str, Any]) -> tuple[object, ...]:
    """A connection can be used only in the event loop in which it was opened."""
    return (id(asyncio.get_running_loop()), *(config.get(name) for name in SECTION.keys))


def _api(config: Mapping[str, Any]) -> SakuraIaas:
    return SakuraIaas(
        SakuraHttp(
            token=config["sakuraAccessToken"],
            secret=config["sakuraAccessTokenSecret"],
            root_url=config["sakuraApiRootUrl"],
            calls_per_second=float(config["sakuraCallsPerSecond"]),
        )
    )


def _storage(config: Mapping[str, Any]) -> ObjectStorage:
    return ObjectStorage(
        token=config["sakuraAccessToken"],
        secret=config["sakuraAccessTokenSecret"],
        root_url=f"{config['sakuraApiRootUrl'].rstrip('/')}/{_STORAGE_PATH}",
        calls_per_second=float(config["sakuraCallsPerSecond"]),
    )


def missing_credentials() -> KokunaiError:
    """The error for a configuration without credentials, which says where to put them."""
    return KokunaiError(
        ja="さくらのクラウドの API キーがありません。環境変数 SAKURA_ACCESS_TOKEN と "
        "SAKURA_ACCESS_TOKEN_SECRET、または設定 kokunai:sakuraAccessToken と "
        "kokunai:sakuraAccessTokenSecret（--secret）で指定してください。",
        en="There is no Sakura Cloud API key: set SAKURA_ACCESS_TOKEN and "
        "SAKURA_ACCESS_TOKEN_SECRET, or the secrets kokunai:sakuraAccessToken and "
        "kokunai:sakuraAccessTokenSecret.",
    )
