"""The emulator of Sakura's PHY API in this process, on the clock of the running loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from kokunai.drivers.sakura_phy import SakuraPhy
from kokunai.drivers.sakura_phy_http import SakuraPhyHttp, Timing
from kokunai.lab.credentials import Credentials
from kokunai.lab.delays import Delays
from kokunai.lab.emulators import Lab
from kokunai.lab.machines import NoMachines
from kokunai.lab.places import Places
from kokunai.lab.sakura_phy import app, contracts
from kokunai.lab.sakura_phy.hosts import Hosts
from kokunai.lab.store import Store
from kokunai.plugin.sakura.dedicated.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kokunai.lab.store import Doc

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB me"
ROOT = "http://127.0.0.1:1"


class Later:
    """Does the work of hosts on the loop's clock, in place of threads."""

    def later(self, seconds: float, _key: str, work: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(seconds, work)

    def submit(self, _key: str, work: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(work)


@dataclass
class Call:
    """One call as it came in."""

    at: float
    method: str
    path: str
    refused: bool = False

    @property
    def changes_network_of(self) -> str:
        """The server whose network settings it changes, empty for all other calls."""
        last = self.path.rstrip("/").rpartition("/")[2]
        is_network = last in {"configure_bonding", "enable", "assign_network"}
        return self.path.split("/")[2] if is_network else ""


@dataclass
class Account:
    """What is under contract, what was called, and a client on the same clock."""

    store: Store
    transport: httpx.ASGITransport
    calls: list[Call] = field(default_factory=list)
    before: list[Callable[[httpx.Request], httpx.Response | None]] = field(default_factory=list)
    """Asked first about each call; a response stands for the API's own."""
    after: list[Callable[[httpx.Request], None]] = field(default_factory=list)
    """Called after the API has answered; what they raise the client sees instead."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(Call(asyncio.get_running_loop().time(), request.method, request.url.path))
        for answer in self.before:
            if response := answer(request):
                self.calls[-1].refused = True
                return response
        response = await self.transport.handle_async_request(request)
        for look in self.after:
            look(request)
        return response

    def fleet(self) -> Fleet:
        """A client of its own, as another process has it."""
        loop = asyncio.get_running_loop()
        http = SakuraPhyHttp("t", "s", ROOT, _Transport(self), Timing(clock=loop.time))
        return Fleet(SakuraPhy(http), loop.time)

    def server(self, server_id: str) -> Doc:
        doc = self.store.get(contracts.SERVER, server_id)
        assert doc is not None
        return doc

    def change(self, server_id: str, **fields: Any) -> None:
        assert self.store.change(contracts.SERVER, server_id, **fields)

    def made(self, ending: str) -> list[Call]:
        """The calls whose path ends so."""
        return [call for call in self.calls if call.path.rstrip("/").endswith(ending)]


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, account: Account) -> None:
        self._account = account

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._account.handle_async_request(request)


def opened(folder: Path, *, more_h200: int = 0, install_seconds: float = 60.0) -> Account:
    """An account of its own, with more servers of one model if wanted."""
    folder.mkdir(exist_ok=True)
    places = Places(folder)
    store = Store(folder / "phy.sqlite")
    contracts.sign(store)
    row = next(row for row in contracts.data()["servers"] if row["model"] == "H200")
    for number in range(more_h200):
        contracts.add_server(store, str(500_000_000_000 + number), row, 100 + number)
    delays = Delays(copy_seconds=install_seconds, boot_seconds=5.0, stop_seconds=0.0)
    workers: Any = Later()
    hosts = Hosts(Lab(places, store, NoMachines(), workers, delays))
    account = app.Account(store, places, Credentials("t", "s"), hosts.follow)
    return Account(store, httpx.ASGITransport(app=app.build(account)))


def inputs(**changed: Any) -> dict[str, Any]:
    """As they come out of `check`."""
    return {
        "site": "sakura-ishikari",
        "labels": {"data-class": "internal"},
        "owner": "00112233445566aa",
        "name": "node",
        "serviceId": "",
        "model": "H200",
        "tag": "kokunai",
        "exceptServices": [],
        "reinstall": True,
        "osImage": "Ubuntu 22.04",
        "loginUser": "ubuntu",
        "sshPublicKeys": [KEY],
        "linkSpeed": "10gbe",
        "bonding": "lacp",
        "internet": "common",
        "dedicatedSubnetId": "",
        "privateNetworkIds": [],
        "storageGib": 0,
        "paidUntil": "",
        "forceShutdown": False,
        **changed,
    }
