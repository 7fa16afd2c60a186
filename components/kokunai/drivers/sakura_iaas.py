"""A client of Sakura's IaaS API 1.1: each method makes one call and does not wait for effects."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from kokunai.drivers.errors import Unavailable
from kokunai.drivers.sakura_http import SAKURA
from kokunai.drivers.sakura_requests import SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.drivers.sakura_http import SakuraHttp

Item = dict[str, Any]
_PAGE_SIZE = 200


@dataclass(frozen=True)
class Collection:
    """One kind of resource: its path, and the names of its items in request and answer."""

    path: str
    singular: str
    plural: str


SERVER = Collection("server", "Server", "Servers")
DISK = Collection("disk", "Disk", "Disks")
SWITCH = Collection("switch", "Switch", "Switches")
INTERFACE = Collection("interface", "Interface", "Interfaces")
PACKET_FILTER = Collection("packetfilter", "PacketFilter", "PacketFilters")
SSH_KEY = Collection("sshkey", "SSHKey", "SSHKeys")
NOTE = Collection("note", "Note", "Notes")
APPLIANCE = Collection("appliance", "Appliance", "Appliances")
ARCHIVE = Collection("archive", "Archive", "Archives")
SERVER_PLAN = Collection("product/server", "ServerPlan", "ServerPlans")
DISK_PLAN = Collection("product/disk", "DiskPlan", "DiskPlans")
ZONE = Collection("zone", "Zone", "Zones")


class SakuraIaas:
    """Calls by zone and id; bodies come from `sakura_requests`, items are the API's own JSON.

    Every method raises a class of `drivers.errors`.
    """

    def __init__(self, http: SakuraHttp) -> None:
        self._http = http

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def find(
        self, what: Collection, zone: str, conditions: Mapping[str, Any] | None = None
    ) -> list[Item]:
        """All matching items of all pages; a condition given as a list matches exactly."""
        items: list[Item] = []
        while True:
            query: Item = {"Count": _PAGE_SIZE, "From": len(items)}
            if conditions:
                query["Filter"] = dict(conditions)
            answer = await self._http.call("GET", zone, what.path, query=query)
            page = answer.get(what.plural) or []
            items += page
            if not page or len(items) >= int(answer.get("Total") or 0):
                return items

    async def find_tagged(self, what: Collection, zone: str, tag: str) -> list[Item]:
        """All items with exactly this tag."""
        items = await self.find(what, zone, {"Tags.Name": [[tag]]})
        return [item for item in items if tag in (item.get("Tags") or [])]

    async def create(self, what: Collection, zone: str, body: Item) -> Item:
        """Create an item; a repeated call creates a second one."""
        return await self._call_for_item(what, "POST", zone, what.path, body)

    async def read(self, what: Collection, zone: str, item_id: str) -> Item:
        """The item as it is now."""
        return await self._call_for_item(what, "GET", zone, f"{what.path}/{item_id}")

    async def update(self, what: Collection, zone: str, item_id: str, body: Item) -> Item:
        """Change the fields that the body names."""
        return await self._call_for_item(what, "PUT", zone, f"{what.path}/{item_id}", body)

    async def delete(
        self, what: Collection, zone: str, item_id: str, body: Item | None = None
    ) -> None:
        """Remove an item. Raises NotFound when it does not exist."""
        await self._http.call("DELETE", zone, f"{what.path}/{item_id}", body)

    async def delete_server(self, zone: str, server_id: str, disk_ids: list[str]) -> None:
        """Remove a stopped server together with these disks."""
        await self.delete(
            SERVER, zone, server_id, {"WithDisk": [int(disk_id) for disk_id in disk_ids]}
        )

    async def power_on(self, what: Collection, zone: str, item_id: str) -> None:
        """Boot. Raises Conflict when it already runs."""
        await self._http.call("PUT", zone, f"{what.path}/{item_id}/power")

    async def power_off(self, what: Collection, zone: str, item_id: str, *, force: bool) -> None:
        """Shut down, or cut the power with `force`. Raises Conflict when it is already off."""
        await self._http.call("DELETE", zone, f"{what.path}/{item_id}/power", {"Force": force})

    async def change_plan(self, zone: str, server_id: str, plan: Item) -> Item:
        """Change the plan of a stopped server, which gets a new id; returns the new item."""
        return await self._call_for_item(SERVER, "PUT", zone, f"server/{server_id}/plan", plan)

    async def configure_disk(self, zone: str, disk_id: str, config: Item) -> None:
        """Write host name, keys and addresses into the disk of a stopped server."""
        await self._http.call("PUT", zone, f"disk/{disk_id}/config", config)

    async def connect_disk(self, zone: str, disk_id: str, server_id: str) -> None:
        """Plug a disk into a stopped server."""
        await self._http.call("PUT", zone, f"disk/{disk_id}/to/server/{server_id}")

    async def disconnect_disk(self, zone: str, disk_id: str) -> None:
        """Unplug a disk from a stopped server."""
        await self._http.call("DELETE", zone, f"disk/{disk_id}/to/server")

    async def connect_switch(self, zone: str, interface_id: str, switch_id: str) -> None:
        """Connect an interface to a switch, or to the shared segment."""
        where = SHARED if switch_id == SHARED else switch_id
        await self._http.call("PUT", zone, f"interface/{interface_id}/to/switch/{where}")

    async def disconnect_switch(self, zone: str, interface_id: str) -> None:
        """Disconnect an interface from its switch or from the shared segment."""
        await self._http.call("DELETE", zone, f"interface/{interface_id}/to/switch")

    async def connect_filter(self, zone: str, interface_id: str, filter_id: str) -> None:
        """Put a packet filter before an interface."""
        await self._http.call("PUT", zone, f"interface/{interface_id}/to/packetfilter/{filter_id}")

    async def disconnect_filter(self, zone: str, interface_id: str) -> None:
        """Take the packet filter away."""
        await self._http.call("DELETE", zone, f"interface/{interface_id}/to/packetfilter")

    async def _call_for_item(
        self, what: Collection, method: str, zone: str, path: str, body: Item | None = None
    ) -> Item:
        answer = await self._http.call(method, zone, path, body)
        item = answer.get(what.singular)
        if not isinstance(item, dict) or not item.get("ID"):
            name = f"{method} {zone}/{path}"
            message = f"the answer has no {what.singular}"
            raise Unavailable(SAKURA, name, HTTPStatus.OK, "no_item", message)
        return item
