"""The network interfaces of a server, in the order in which its host sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.drivers.sakura_iaas import INTERFACE, SERVER
from kokunai.plugin.sakura.server.view import filter_of, segment_of
from kokunai.plugin.sakura.session import id_of, ready

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Props
    from kokunai.plugin.sakura.session import Session


class Nics:
    """Compares interfaces with the inputs by their index and corrects each."""

    def __init__(self, session: Session, wanted: Sequence[Props]) -> None:
        self._session = session
        self._wanted = wanted

    def must_reconnect(self, server: Item) -> bool:
        """Whether an interface is missing, superfluous, or in another network."""
        return [segment_of(interface) for interface in _interfaces(server)] != [
            nic["switchId"] for nic in self._wanted
        ]

    async def connect(self, server_id: str) -> None:
        """Connect every interface to its network; the server must be off if one changes.

        What is in another network leaves it first, because the API refuses two interfaces on one
        switch even for the moment in which they change places.
        """
        present = await self._interfaces_of(server_id)
        for extra in present[len(self._wanted) :]:
            await self._session.delete(INTERFACE, id_of(extra))
        for nic, interface in zip(self._wanted, present, strict=False):
            if segment_of(interface) not in {"", nic["switchId"]}:
                await self._plug(id_of(interface), "")
        for index, nic in enumerate(self._wanted):
            interface = await self._at(server_id, index)
            if segment_of(interface) != nic["switchId"]:
                await self._plug(id_of(interface), nic["switchId"])

    async def _plug(self, interface_id: str, segment: str) -> None:
        """Connect an interface to a segment, or disconnect it for an empty one."""
        api, zone = self._session.api, self._session.zone

        async def is_so() -> bool:
            return segment_of(await self._session.read(INTERFACE, interface_id) or {}) == segment

        if segment:
            await self._session.ensure(
                lambda: api.connect_switch(zone, interface_id, segment), is_so
            )
        else:
            await self._session.ensure(lambda: api.disconnect_switch(zone, interface_id), is_so)

    async def filter(self, server: Item) -> None:
        """Set packet filters, and record the addresses that the API does not assign itself."""
        for nic, interface in zip(self._wanted, _interfaces(server), strict=False):
            await self._filter_one(
                id_of(interface), filter_of(interface), nic.get("packetFilterId", "")
            )
            noted = interface.get("UserIPAddress") or ""
            if nic["switchId"] != "shared" and noted != nic["address"]:
                body = {"Interface": {"UserIPAddress": nic["address"]}}
                await self._session.update(INTERFACE, id_of(interface), body)

    async def _filter_one(self, interface_id: str, current: str, wanted: str) -> None:
        api, zone = self._session.api, self._session.zone

        async def has(filter_id: str) -> bool:
            return filter_of(await self._session.read(INTERFACE, interface_id) or {}) == filter_id

        if current and current != wanted:
            await self._session.ensure(
                lambda: api.disconnect_filter(zone, interface_id), lambda: has("")
            )
        if wanted and current != wanted:
            await self._session.ensure(
                lambda: api.connect_filter(zone, interface_id, wanted), lambda: has(wanted)
            )

    async def _at(self, server_id: str, index: int) -> Item:
        """The interface at an index, created if there is none yet."""

        async def find() -> Item | None:
            interfaces = await self._interfaces_of(server_id)
            return interfaces[index] if index < len(interfaces) else None

        body = {"Interface": {"Server": {"ID": int(server_id)}}}
        return await self._session.create(INTERFACE, ready(body), find)

    async def _interfaces_of(self, server_id: str) -> list[Item]:
        return _interfaces(await self._session.get(SERVER, server_id))


def _interfaces(server: Item) -> list[Item]:
    return [interface for interface in server.get("Interfaces") or [] if interface]
