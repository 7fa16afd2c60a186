"""The calls of one operation to the PHY API: limits are told, locks are waited for."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from kokunai.drivers.errors import Conflict, Passing
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.plugin.sakura.dedicated import images
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping

    from kokunai.drivers.sakura_phy import PowerOperation, SakuraPhy
    from kokunai.drivers.sakura_phy_views import OsImage, Server, Service
    from kokunai.plugin.kind import Operation, Props
    from kokunai.plugin.sakura.dedicated.fleet import Fleet, Listing
    from kokunai.plugin.sakura.dedicated.ports import Assignment

T = TypeVar("T")

POWER_POLL_SECONDS = 10.0
"""Between two looks at one machine: each look is a call of its own."""
PRESS_AGAIN_SECONDS = 60.0
GRACE_SECONDS = 180.0
"""How long a host may take to shut down before its power is cut."""
_TOLD_WAIT_SECONDS = 10.0
LONGEST_LOCK_SECONDS: Mapping[str, float] = {"os_install": 5400.0, "configure_raid": 5400.0}
"""By what locks a server: how long that may last. All else is work of the seller's own."""
LONGEST_OTHER_LOCK_SECONDS = 900.0


class PhySession(Waiting):
    """An operation with its account."""

    def __init__(self, fleet: Fleet, op: Operation) -> None:
        super().__init__(op)
        self.fleet = fleet

    @property
    def api(self) -> SakuraPhy:
        """The client."""
        return self.fleet.api

    async def ask(
        self, call: Callable[[], Coroutine[Any, Any, T]], changes_network_of: str = ""
    ) -> T:
        """Make a call, saying so where the API's limits make it wait."""
        seconds = self.api.wait_seconds(changes_network_of)
        if seconds > _TOLD_WAIT_SECONDS:
            self.op.status(
                f"API の呼び出し数の上限のため、最大 {seconds:.0f} 秒待ちます / "
                f"waiting up to {seconds:.0f} s for the API's limit of calls"
            )
        return await self.call(call)

    # Lists

    async def services(self, since: float) -> dict[str, Service]:
        """All contracts for servers."""
        return await self.fleet.services.since(since, self.ask)

    async def servers(self, since: float) -> dict[str, Server]:
        """All servers."""
        return await self.fleet.servers.since(since, self.ask)

    async def running(self) -> set[str]:
        """Ids of the servers that the API last saw switched on."""
        servers = await self.servers(self.fleet.clock() - self.fleet.beat_seconds)
        return {key for key, row in servers.items() if is_on(row)}

    async def server(self, server_id: str, since: float) -> Server:
        """One server, as a list not older than `since` shows it. Raises KokunaiError without it."""
        found = (await self.servers(since)).get(server_id)
        if found is None:
            raise KokunaiError(
                ja=f"サーバー {server_id} が API の一覧にありません。契約を確認してください。",
                en=f"the API lists no server {server_id}; see whether it is under contract",
            )
        return found

    async def later(
        self,
        listing: Listing[T],
        key: str,
        moment: float,
        done: Callable[[T], bool],
        say: Callable[[T | None], str],
    ) -> T:
        """An item once a list that was asked for after `moment` shows that it is `done`."""
        with self._waiting():
            while True:
                rows = await listing.since(self.fleet.clock() - self.fleet.beat_seconds, self.ask)
                found = rows.get(key) if listing.asked_at >= moment else None
                if found is not None and done(found):
                    return found
                self.op.status(say(found))
                await self.op.sleep(self.fleet.beat_seconds)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        self.fleet.waiting_count += 1
        try:
            yield
        finally:
            self.fleet.waiting_count -= 1

    # Locks

    async def unlocked(self, server_id: str, since: float) -> Server:
        """The server once nothing is being done to it. Raises KokunaiError after too long."""
        server = await self.server(server_id, since)
        if not is_locked(server):
            return server
        began = self.fleet.clock()

        def is_free(server: Server) -> bool:
            if is_locked(server) and self.fleet.clock() - began > longest_lock(server):
                raise _locked_too_long(self.op, server)
            return not is_locked(server)

        return await self.later(self.fleet.servers, server_id, began, is_free, _lock_text)

    async def when_unlocked(
        self,
        server_id: str,
        call: Callable[[], Coroutine[Any, Any, None]],
        *,
        changes_network: bool = False,
    ) -> None:
        """Make a call that a lock refuses, again when the lock is gone."""
        attempt = 0
        while True:
            try:
                return await self.ask(call, server_id if changes_network else "")
            except Conflict as error:
                # The lock may be gone before it is looked at, so the same refusal is met again.
                moment = self.fleet.clock()
                await self.unlocked(server_id, moment)
                await self.back_off(error, attempt)
                attempt += 1

    # Power

    async def power_on(self, server_id: str) -> None:
        """Switch on, if it is off, and wait until the machine itself says so."""
        await self._press(server_id, "on", force=False)

    async def power_off(self, server_id: str, *, force: bool) -> None:
        """Shut down, if it is on; cut the power with `force`, or when the host takes too long."""
        await self._press(server_id, "off", force=force)

    async def _press(self, server_id: str, wanted: str, *, force: bool) -> None:
        began, pressed = self.fleet.clock(), float("-inf")
        while await self.ask(lambda: self.api.power_status(server_id)) != wanted:
            now = self.fleet.clock()
            is_late = wanted == "off" and not force and now - began > GRACE_SECONDS
            if is_late:
                force, pressed = True, float("-inf")
                self.op.warn(
                    f"{GRACE_SECONDS:.0f} 秒待っても停止しないので、強制的に電源を切ります。\n"
                    f"It did not shut down within {GRACE_SECONDS:.0f} s: cutting the power."
                )
            if now - pressed > PRESS_AGAIN_SECONDS:
                await self._request(server_id, _operation(wanted, force=force))
                pressed = now
            self.op.status(f"電源の操作を待っています / waiting for the power to be {wanted}")
            await self.op.sleep(POWER_POLL_SECONDS)

    async def _request(self, server_id: str, operation: PowerOperation) -> None:
        await self.when_unlocked(server_id, lambda: self.api.power(server_id, operation))

    # Networks

    async def assign(self, server_id: str, port_id: int, assignment: Assignment) -> None:
        """Connect a port to exactly this."""
        await self.when_unlocked(
            server_id,
            lambda: self.api.assign_network(server_id, port_id, assignment),
            changes_network=True,
        )

    # Images

    async def image(self, service: Service, wanted: Props) -> OsImage:
        """The image to install. Raises KokunaiError where there is no such one."""
        plan_id = service.plan.plan_id if service.plan else service.service_id
        offered = await self.fleet.images(
            plan_id, lambda: self.ask(lambda: self.api.os_images(service.service_id))
        )
        return images.chosen(offered, wanted["osImage"], wanted["loginUser"])

    # Changes that may have taken effect although their answer was lost

    async def begin(
        self,
        call: Callable[[], Coroutine[Any, Any, None]],
        has_begun: Callable[[], Awaitable[bool]],
    ) -> None:
        """Begin something once: after a lost answer it is looked for before it is repeated."""
        attempt = 0
        while True:
            try:
                return await self.once(call)
            except (Passing, Conflict) as error:
                await self.back_off(error, attempt)
                attempt += 1
                if await has_begun():
                    return None


def is_on(server: Server) -> bool:
    """Whether the API last saw it switched on."""
    power = server.cached_power_status
    return power is not None and power.status == "on"


def is_locked(server: Server) -> bool:
    """Whether something is being done to it, or to one of its interfaces."""
    return server.lock_status is not None or any(row.locked for row in server.port_channels)


def longest_lock(server: Server) -> float:
    """How long its present lock may last."""
    return LONGEST_LOCK_SECONDS.get(server.lock_status or "", LONGEST_OTHER_LOCK_SECONDS)


def _operation(wanted: str, *, force: bool) -> PowerOperation:
    if wanted == "on":
        return "on"
    return "off" if force else "soft"


def _lock_text(server: Server | None) -> str:
    why = shown((server and server.lock_status) or "-", 40)
    return f"ロックが外れるのを待っています（{why}） / waiting for a lock to go ({why})"


def _locked_too_long(op: Operation, server: Server) -> KokunaiError:
    why, minutes = shown(server.lock_status or "port_channel", 40), longest_lock(server) / 60
    return KokunaiError(
        ja=f"{op.name}: サーバー {server.server_id} のロック（{why}）が {minutes:.0f} 分たっても"
        "外れません。コントロールパネルで作業の状況を確認し、もう一度 pulumi up を実行して"
        "ください。",
        en=f"{op.name}: server {server.server_id} has been locked ({why}) for {minutes:.0f} "
        "minutes; see the control panel for what is being done and run pulumi up again",
    )
