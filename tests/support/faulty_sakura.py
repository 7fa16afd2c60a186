"""The kinds of Sakura on an emulator in this process, of whose answers one can be damaged."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from kokunai.drivers.sakura_http import SakuraHttp
from kokunai.drivers.sakura_iaas import SakuraIaas
from kokunai.lab.application import build
from kokunai.lab.credentials import credentials_of
from kokunai.lab.delays import Delays
from kokunai.lab.machines import NoMachines
from kokunai.lab.places import Places
from kokunai.lab.services import Services
from kokunai.plugin.kind import mark_of
from kokunai.plugin.sakura.accounts import Account, Accounts
from support.mutations import Mutation
from support.operation import Operation

OWNER = "0123456789abcdef"
STORED = ("server", "disk", "interface", "switch", "packetfilter", "sshkey", "note", "appliance")


@dataclass
class Quick(Operation):
    """An operation whose time passes only where it sleeps; it ends after ten minutes of that."""

    slept: float = 0.0
    config: dict[str, str] = field(
        default_factory=lambda: {"sakuraAccessToken": "t", "sakuraAccessTokenSecret": "s"}
    )

    def remaining_seconds(self) -> float:
        return 1e9

    async def sleep(self, seconds: float) -> None:
        if seconds > 1e6:  # the clock that ends a single call
            await self.stop.wait()
        self.slept += seconds
        await asyncio.sleep(0)
        if self.slept > 600:
            raise TimeoutError("時間切れです。\nTimed out.")


@dataclass
class Fault:
    """Damages the answer to the call of this number, counted from when it was set."""

    number: int
    mutation: Mutation
    random: Random


class FaultyTransport(httpx.AsyncBaseTransport):
    """Passes calls to the emulator and notes them; damages one answer where a fault is set."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app=app)
        self.calls: list[str] = []
        self.fault: Fault | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        number, fault = len(self.calls), self.fault
        self.calls.append(f"{request.method} {request.url.path.partition('/1.1/')[2]}")
        if fault is None or number != fault.number:
            return await self._inner.handle_async_request(request)
        if not fault.mutation.is_delivered:
            return fault.mutation.answer(httpx.Response(200), fault.random)
        response = await self._inner.handle_async_request(request)
        await response.aread()
        return fault.mutation.answer(response, fault.random)


class OneAccount(Accounts):
    """The emulator's account, whatever the configuration says."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self.account = account

    def of(self, config: Any) -> Account:
        return self.account


class FaultySakura:
    """An emulator without hosts, the kinds beside it, and what is in its store."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        places = Places(directory, 0)
        self.services = Services(places, NoMachines(), Delays(0, 0, 0))
        self.transport = FaultyTransport(build(self.services))
        credentials = credentials_of(places)
        self.http = SakuraHttp(
            credentials.token,
            credentials.secret,
            "http://127.0.0.1:1/cloud/zone",
            calls_per_second=1e9,
            transport=self.transport,
        )
        self.accounts = OneAccount(Account(SakuraIaas(self.http)))
        self._numbers = itertools.count(1)

    def forget_products(self) -> None:
        self.accounts.account = Account(self.accounts.account.api)

    def operation(self, *, preview: bool = False) -> Quick:
        number = next(self._numbers)
        place = f"kokunai-{number:016x}"
        return Quick(
            name=f"n{number}",
            place=place,
            owner=OWNER,
            digest=mark_of(place, OWNER),
            preview=preview,
        )

    async def with_fault(
        self, fault: Fault | None, work: Callable[[], Awaitable[Any]]
    ) -> tuple[Any, Exception | None, list[str]]:
        """What the work returned, or raised, and the calls that it made."""
        self.transport.calls, self.transport.fault = [], fault
        try:
            result = await work()
        except Exception as error:
            return None, error, [*self.transport.calls]
        else:
            return result, None, [*self.transport.calls]
        finally:
            self.transport.fault = None

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        store = self.services.emulators[0].lab.store
        return {kind: store.all(kind) for kind in STORED}

    def wipe(self, kept: set[str]) -> None:
        """Empty the account but for these, so that its lists stay short."""
        store = self.services.emulators[0].lab.store
        gone = [doc["id"] for docs in self.stored().values() for doc in docs]
        with store.transaction():
            for doc_id in set(gone) - kept:
                store.delete(doc_id)

    def ids(self) -> set[str]:
        """Of all that the account has."""
        return {doc["id"] for docs in self.stored().values() for doc in docs}

    async def close(self) -> None:
        await self.http.close()
        self.services.close()
