"""Opens the accounts of the PHY API, each with its limits and with what its servers share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from kokunai.catalog import facts
from kokunai.drivers.sakura_phy import SakuraPhy
from kokunai.drivers.sakura_phy_http import API_ROOT_URL, SakuraPhyHttp
from kokunai.plugin.sakura.accounts import SECTION, Accounts, missing_credentials
from kokunai.plugin.sakura.dedicated.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDPOINT = "sakuraPhyApiRootUrl"


class PhyAccounts:
    """Accounts by configuration, which all resources share, so that the limits hold."""

    def __init__(self, cloud: Accounts) -> None:
        self.cloud = cloud
        """The same accounts in the IaaS API, which say whether there are credentials."""
        self._open: dict[tuple[object, ...], Fleet] = {}

    def of(self, config: Mapping[str, Any]) -> Fleet:
        """The account of a configuration. Raises KokunaiError without credentials."""
        if not Accounts.can_open(config):
            raise missing_credentials()
        # A connection can be used only in the event loop in which it was opened.
        key = (id(asyncio.get_running_loop()), *(config.get(name) for name in SECTION.keys))
        if key not in self._open:
            self._open[key] = Fleet(SakuraPhy(_http(config)))
        return self._open[key]

    async def close(self) -> None:
        """Close all connections."""
        while self._open:
            await self._open.popitem()[1].api.close()


def _http(config: Mapping[str, Any]) -> SakuraPhyHttp:
    return SakuraPhyHttp(
        token=config["sakuraAccessToken"],
        secret=config["sakuraAccessTokenSecret"],
        root_url=root_url(config),
    )


def root_url(config: Mapping[str, Any]) -> str:
    """The root that is configured, else the one beside the root of the IaaS API."""
    if stated := config.get(_ENDPOINT):
        return str(stated)
    endpoint = facts.packages()["kokunai"].endpoints.get(_ENDPOINT)
    beside = config.get("sakuraApiRootUrl")
    return endpoint.at(str(beside)) if endpoint and beside else API_ROOT_URL
