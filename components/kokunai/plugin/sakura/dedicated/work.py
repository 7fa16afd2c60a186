"""The steps from a contract to a node, and back; each looks first and can be repeated."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kokunai.plugin.sakura.dedicated import choice, ports
from kokunai.plugin.sakura.dedicated import mark as marks
from kokunai.plugin.sakura.dedicated.view import computed

if TYPE_CHECKING:
    from kokunai.drivers.sakura_phy_views import Port, PortChannel, Server, Service
    from kokunai.plugin.kind import Props
    from kokunai.plugin.sakura.dedicated.mark import Mark
    from kokunai.plugin.sakura.dedicated.session import PhySession

LOCK_GRACE_SECONDS = 30.0
"""How long the API may take to show that it has begun an installation."""
CHOICE_SECONDS = 3.0
"""How old a list may be from which a service is chosen. The API cannot mark one only if it is
still free, so a mark counts when it is still there after this time."""
_INSTALLING = "os_install"


@dataclass
class Adoption:
    """The work on one service; `outputs` is kept up to date, so that a failure loses nothing."""

    session: PhySession
    wanted: Props
    service: Service
    outputs: Props = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of the service and of its server."""
        return self.service.service_id

    @property
    def mark(self) -> Mark:
        """What the description keeps now."""
        return marks.read(self.service)

    async def finish(self) -> None:
        """Do everything that is missing; may be interrupted and repeated at any point."""
        image = await self.session.image(self.service, self.wanted) if self._must_install else None
        await self._write(marks.of(self.session.op, self.wanted, self.mark))
        server = await self._connect()
        if image is not None:
            await self._install(image.os_image_id)
        await self.session.power_on(self.id)
        if image is not None:
            server = await self.session.server(self.id, self.session.fleet.clock())
        self._note(server)
        self.outputs["powerStatus"] = "on"

    @property
    def _must_install(self) -> bool:
        return bool(self.wanted["reinstall"]) and not (
            self.mark.is_installed and self.mark.image == self.wanted["osImage"]
        )

    def _note(self, server: Server | None) -> None:
        self.outputs.update(self.wanted)
        self.outputs.update(computed(self.service, server))

    # The mark

    async def _write(self, mark: Mark) -> None:
        """Let the description keep this mark, unless it does already."""
        description = marks.description(mark)
        if description != (self.service.description or None):
            self.service = await _describe(self.session, self.service, description)
        self._note(None)

    # Networks

    async def _connect(self) -> Server:
        """Bond the interfaces and connect their ports, whose ids a bonding makes anew."""
        fleet, wanted = self.session.fleet, self.wanted
        server = await self.session.unlocked(self.id, fleet.clock() - fleet.beat_seconds)
        channel = channel_in(server, wanted)
        if not ports.is_bonded(server, channel, wanted["bonding"]):
            server = await self._bond(channel)
        found = ports.ports_of(server, channel_in(server, wanted))
        changed = False
        for port, assignment in zip(found, ports.assignments(wanted), strict=False):
            changed |= await self._assign(port, assignment)
        return await self.session.server(self.id, fleet.clock()) if changed else server

    async def _bond(self, channel: PortChannel) -> Server:
        moment, bonding = self.session.fleet.clock(), self.wanted["bonding"]
        await self.session.when_unlocked(
            self.id,
            lambda: self.session.api.configure_bonding(self.id, channel.port_channel_id, bonding),
            changes_network=True,
        )
        return await self.session.later(
            self.session.fleet.servers,
            self.id,
            moment,
            lambda row: ports.is_bonded(row, channel_in(row, self.wanted), bonding),
            lambda _: "ボンディングを待っています / waiting for the bonding",
        )

    async def _assign(self, port: Port, assignment: ports.Assignment) -> bool:
        """Connect a port to exactly this; whether anything had to be changed."""
        session, is_wanted = self.session, assignment != ports.NOTHING
        is_other = ports.assignment_of(port) != assignment
        if is_other:
            await session.assign(self.id, port.port_id, assignment)
        must_enable = is_wanted and not port.enabled
        if must_enable:
            await session.when_unlocked(
                self.id,
                lambda: session.api.enable_port(self.id, port.port_id, enable=True),
                changes_network=True,
            )
        return is_other or must_enable

    # The operating system

    async def _install(self, image_id: str) -> None:
        """Install and remember it; what an interrupted run began is waited for, not begun again."""
        fleet, wanted = self.session.fleet, self.wanted["osImage"]
        if self.mark.is_installed or self.mark.image != wanted:
            await self._write(marks.begun(self.mark, wanted))
        server = await self.session.server(self.id, fleet.clock() - fleet.beat_seconds)
        if not _is_installing(server):
            await self.session.unlocked(self.id, fleet.clock() - fleet.beat_seconds)
            await self._begin_installation(image_id)
        await self._installation_ends()
        await self._write(replace(self.mark, is_installed=True))

    async def _begin_installation(self, image_id: str) -> None:
        session, keys = self.session, self.wanted["sshPublicKeys"]

        async def has_begun() -> bool:
            return _is_installing(await session.server(self.id, session.fleet.clock()))

        await session.begin(
            lambda: session.api.install_os(self.id, image_id, _password(), keys), has_begun
        )

    async def _installation_ends(self) -> None:
        """Wait until the lock has come, or could have come and gone, and is no more."""
        fleet = self.session.fleet
        began = fleet.clock()
        seen = False

        def is_over(server: Server) -> bool:
            nonlocal seen
            seen = seen or _is_installing(server)
            is_late = fleet.servers.asked_at - began > LOCK_GRACE_SECONDS
            return server.lock_status is None and (seen or is_late)

        await self.session.later(
            fleet.servers,
            self.id,
            began,
            is_over,
            lambda _: "OS をインストールしています / installing the operating system",
        )


def channel_in(server: Server, wanted: Props) -> PortChannel:
    """The pair of interfaces that is used."""
    return ports.channel_of(server, wanted["linkSpeed"])


def _is_installing(server: Server) -> bool:
    return server.lock_status == _INSTALLING


def _password() -> str:
    """What the API asks for although only keys may log in; nobody learns it."""
    alphabet = string.ascii_letters + string.digits
    return "k1" + "".join(secrets.choice(alphabet) for _ in range(28))


async def adopt(session: PhySession, wanted: Props) -> Service:
    """The service that is ours, marked as such before anything is done to the server."""
    op = session.op
    while True:
        async with session.fleet.choosing:
            services = await _services_to_choose_from(session)
            if left := choice.own(op, services):
                session.tell_of(left.service_id)
                choice.refuse_other(op, left, wanted)
                return left
            service = choice.free(op, services, wanted, running=await session.running())
            if wanted["reinstall"]:
                await session.image(service, wanted)
            await _claim(session, service, wanted)
        if marks.read(seen := await _settled(session, service.service_id)).is_of(op):
            return seen


async def _services_to_choose_from(session: PhySession) -> dict[str, Service]:
    """All services, as they are at a moment at which one of them can be marked at once."""
    fleet = session.fleet
    while True:
        found = await session.services(fleet.clock() - CHOICE_SECONDS)
        if not (wait := fleet.api.wait_seconds()):
            return found
        session.op.status(f"API の上限のため待ちます / waiting {wait:.0f} s for the API's limit")
        await session.op.sleep(wait)


async def _settled(session: PhySession, service_id: str) -> Service:
    """The service once everybody who chose at the same moment has written their mark.

    The one that wrote last has it.
    """
    return await session.later(
        session.fleet.services,
        service_id,
        session.fleet.clock() + CHOICE_SECONDS,
        lambda _: True,
        lambda _: "管理用の印を確かめています / making sure of the mark",
    )


async def mark_again(session: PhySession, service: Service, state: Props) -> Service:
    """The service with its mark, as the state knows it, where somebody has removed that."""
    if marks.read(service).place:
        return service
    mark = marks.of(session.op, state, marks.of_state(service, state))
    return await _describe(session, service, marks.description(mark))


async def _claim(session: PhySession, service: Service, wanted: Props) -> None:
    mark = marks.of(session.op, wanted, marks.Mark(text=marks.read(service).text))
    if wanted["reinstall"]:
        mark = marks.begun(mark, wanted["osImage"])
    await _describe(session, service, marks.description(mark))


async def _describe(session: PhySession, service: Service, description: str | None) -> Service:
    """Write a description beside the nickname, which stays as it is."""
    made = await session.ask(
        lambda: session.api.rename_service(service.service_id, service.nickname, description)
    )
    session.fleet.note(made)
    return made


async def release(session: PhySession, state: Props, service: Service) -> None:
    """Switch off, leave the networks, and take the mark away; the contract stays."""
    fleet, server_id = session.fleet, service.service_id
    await session.power_off(server_id, force=bool(state.get("forceShutdown")))
    server = await session.unlocked(server_id, fleet.clock() - fleet.beat_seconds)
    channel = ports.channel_of(server, str(state.get("linkSpeed") or "10gbe"))
    for port in ports.ports_of(server, channel):
        if ports.assignment_of(port) != ports.NOTHING:
            await session.assign(server_id, port.port_id, ports.NOTHING)
    await _describe(session, service, marks.read(service).text or None)
