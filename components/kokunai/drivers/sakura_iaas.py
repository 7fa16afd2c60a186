"""A client of Sakura's IaaS API 1.1: each method makes one call and does not wait for effects.

An answer counts only if it is what the call promises: an item has its key and the id that was asked
for, a list has its key and numbers that agree, anything else says `Success`. All else is
`NotUnderstood`, and then the caller looks before it makes anything a second time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kokunai.drivers import sakura_views
from kokunai.drivers.json_reader import Unreadable, read_object
from kokunai.drivers.sakura_http import not_understood, says_success
from kokunai.drivers.sakura_requests import SHARED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.drivers.sakura_http import SakuraHttp

Item = dict[str, Any]
"""A validated item: the keys of its view, each of the view's type. Also the body of a request."""
_PAGE_SIZE = 200
_MOST_ITEMS = 100_000
"""Of a list; more than any account may have of anything."""


@dataclass(frozen=True)
class Collection:
    """One kind of resource: its path, the names of its items in request and answer, their view."""

    path: str
    singular: str
    plural: str
    view: type[sakura_views.View]


SERVER = Collection("server", "Server", "Servers", sakura_views.Server)
DISK = Collection("disk", "Disk", "Disks", sakura_views.Disk)
SWITCH = Collection("switch", "Switch", "Switches", sakura_views.Switch)
INTERFACE = Collection("interface", "Interface", "Interfaces", sakura_views.InterfaceOfServer)
INTERNET = Collection("internet", "Internet", "Internet", sakura_views.Internet)
"""A router with its switch; the list has the singular's name, too."""
PACKET_FILTER = Collection(
    "packetfilter", "PacketFilter", "PacketFilters", sakura_views.PacketFilter
)
SSH_KEY = Collection("sshkey", "SSHKey", "SSHKeys", sakura_views.SshKey)
NOTE = Collection("note", "Note", "Notes", sakura_views.Note)
APPLIANCE = Collection("appliance", "Appliance", "Appliances", sakura_views.Appliance)
ARCHIVE = Collection("archive", "Archive", "Archives", sakura_views.Archive)
SERVER_PLAN = Collection("product/server", "ServerPlan", "ServerPlans", sakura_views.ServerPlan)
DISK_PLAN = Collection("product/disk", "DiskPlan", "DiskPlans", sakura_views.DiskPlan)
ZONE = Collection("zone", "Zone", "Zones", sakura_views.Zone)


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
        total: int | None = None
        while total is None or len(items) < total:
            query: Item = {"Count": _PAGE_SIZE, "From": len(items)}
            if conditions:
                query["Filter"] = dict(conditions)
            answer = await self._http.call("GET", zone, what.path, query=query)
            page = _Page(what, f"GET {zone}/{what.path}", answer, len(items), total)
            items += page.items
            total = page.total
        _refuse_duplicates(f"GET {zone}/{what.path}", items)
        return items

    async def find_tagged(self, what: Collection, zone: str, tag: str) -> list[Item]:
        """All items with exactly this tag, for which the API looks itself."""
        items = await self.find(what, zone, {"Tags.Name": [[tag]]})
        if any(tag not in (item["Tags"] or []) for item in items):
            raise not_understood(
                f"GET {zone}/{what.path}",
                "求めたタグのない項目があります",
                "it has an item without the tag that was asked for",
            )
        return items

    async def create(self, what: Collection, zone: str, body: Item) -> Item:
        """Create an item; a repeated call creates a second one."""
        return await self._call_for_item(what, "POST", zone, what.path, body)

    async def read(self, what: Collection, zone: str, item_id: str) -> Item:
        """The item as it is now."""
        path = f"{what.path}/{item_id}"
        return await self._call_for_item(what, "GET", zone, path, item_id=item_id)

    async def update(self, what: Collection, zone: str, item_id: str, body: Item) -> Item:
        """Change the fields that the body names."""
        path = f"{what.path}/{item_id}"
        return await self._call_for_item(what, "PUT", zone, path, body, item_id=item_id)

    async def delete(
        self, what: Collection, zone: str, item_id: str, body: Item | None = None
    ) -> None:
        """Remove an item. Raises NotFound when it does not exist."""
        await self._do("DELETE", zone, f"{what.path}/{item_id}", body)

    async def delete_server(self, zone: str, server_id: str, disk_ids: list[str]) -> None:
        """Remove a stopped server together with these disks."""
        await self.delete(
            SERVER, zone, server_id, {"WithDisk": [int(disk_id) for disk_id in disk_ids]}
        )

    async def power_on(self, what: Collection, zone: str, item_id: str) -> None:
        """Boot. Raises Conflict when it already runs."""
        await self._do("PUT", zone, f"{what.path}/{item_id}/power")

    async def power_off(self, what: Collection, zone: str, item_id: str, *, force: bool) -> None:
        """Shut down, or cut the power with `force`. Raises Conflict when it is already off."""
        await self._do("DELETE", zone, f"{what.path}/{item_id}/power", {"Force": force})

    async def change_plan(self, zone: str, server_id: str, plan: Item) -> Item:
        """Change the plan of a stopped server, which gets a new id; returns the new item."""
        return await self._call_for_item(SERVER, "PUT", zone, f"server/{server_id}/plan", plan)

    async def change_bandwidth(self, zone: str, router_id: str, mbps: int) -> Item:
        """Change a router's bandwidth, which gives it a new id; returns the new item."""
        body = {"Internet": {"BandWidthMbps": mbps}}
        return await self._call_for_item(
            INTERNET, "PUT", zone, f"internet/{router_id}/bandwidth", body
        )

    async def configure_disk(self, zone: str, disk_id: str, config: Item) -> None:
        """Write host name, keys and addresses into the disk of a stopped server."""
        await self._do("PUT", zone, f"disk/{disk_id}/config", config)

    async def connect_disk(self, zone: str, disk_id: str, server_id: str) -> None:
        """Plug a disk into a stopped server."""
        await self._do("PUT", zone, f"disk/{disk_id}/to/server/{server_id}")

    async def disconnect_disk(self, zone: str, disk_id: str) -> None:
        """Unplug a disk from a stopped server."""
        await self._do("DELETE", zone, f"disk/{disk_id}/to/server")

    async def connect_switch(self, zone: str, interface_id: str, switch_id: str) -> None:
        """Connect an interface to a switch, or to the shared segment."""
        where = SHARED if switch_id == SHARED else switch_id
        await self._do("PUT", zone, f"interface/{interface_id}/to/switch/{where}")

    async def disconnect_switch(self, zone: str, interface_id: str) -> None:
        """Disconnect an interface from its switch or from the shared segment."""
        await self._do("DELETE", zone, f"interface/{interface_id}/to/switch")

    async def connect_filter(self, zone: str, interface_id: str, filter_id: str) -> None:
        """Put a packet filter before an interface."""
        await self._do("PUT", zone, f"interface/{interface_id}/to/packetfilter/{filter_id}")

    async def disconnect_filter(self, zone: str, interface_id: str) -> None:
        """Take the packet filter away."""
        await self._do("DELETE", zone, f"interface/{interface_id}/to/packetfilter")

    async def _do(self, method: str, zone: str, path: str, body: Item | None = None) -> None:
        """Make a call that answers with `Success` alone."""
        answer = await self._http.call(method, zone, path, body)
        if not says_success(answer):
            raise not_understood(
                f"{method} {zone}/{path}", "Success がありません", "it has no Success"
            )

    async def _call_for_item(
        self,
        what: Collection,
        method: str,
        zone: str,
        path: str,
        body: Item | None = None,
        *,
        item_id: str = "",
    ) -> Item:
        """Make a call that answers with an item; `item_id` is the one that it must have."""
        name = f"{method} {zone}/{path}"
        answer = await self._http.call(method, zone, path, body)
        found = answer.get(what.singular)
        if not isinstance(found, dict) or not found:
            raise not_understood(
                name, f"{what.singular} がありません", f"the answer has no {what.singular}"
            )
        item = _checked(what, name, found)
        if item_id and item["ID"] != item_id:
            raise not_understood(name, "ID が求めたものと違います", "it has another ID")
        return item


class _Page:
    """One page of a list. Raises NotUnderstood unless its numbers agree with it and the last."""

    def __init__(
        self, what: Collection, call: str, answer: Item, start: int, last_total: int | None
    ) -> None:
        rows = answer.get(what.plural)
        if not isinstance(rows, list):
            raise not_understood(
                call, f"{what.plural} がありません", f"the answer has no {what.plural}"
            )
        numbers = [answer.get(name) for name in ("From", "Count", "Total")]
        self.total = _agreed(call, numbers, start, len(rows))
        if last_total not in {None, self.total}:
            raise not_understood(
                call, "ページの間で Total が変わりました", "Total changed between pages"
            )
        self.items = [_checked(what, call, row) for row in rows]


def _agreed(call: str, numbers: list[Any], start: int, length: int) -> int:
    """`Total`, if `From`, `Count` and `Total` are what this page must have."""
    if not all(type(number) is int and 0 <= number <= _MOST_ITEMS for number in numbers):
        raise not_understood(
            call, "From、Count、Total が整数ではありません", "From, Count and Total are no integers"
        )
    begin, count, total = numbers
    ends_too_early = not length and total > start
    if (begin, count) != (start, length) or total < start + length or ends_too_early:
        raise not_understood(
            call,
            "From、Count、Total が項目の数と合いません",
            "From, Count and Total do not agree with its items",
        )
    return int(total)


def _refuse_duplicates(call: str, items: list[Item]) -> None:
    if len({item["ID"] for item in items}) < len(items):
        raise not_understood(call, "同じ ID が 2 度あります", "an ID is there twice")


def _checked(what: Collection, call: str, row: Any) -> Item:
    """The item as its view has it. Raises NotUnderstood."""
    try:
        return what.view.model_validate(row).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join([what.singular, *map(str, first["loc"])])
        raise not_understood(
            call, f"{place} が正しくありません", f"{place} is wrong: {first['msg']}"
        ) from None


def nfs_plans(content: str) -> dict[str, list[Item]]:
    """The plans of file servers in the note that publishes them. Raises NotUnderstood."""
    try:
        made = sakura_views.NfsPlans.model_validate(read_object(content.encode()))
    except (Unreadable, ValidationError):
        raise not_understood(
            f"GET {NOTE.path} (sys-nfs)",
            "NFS のプランの一覧が読み取れません",
            "the list of NFS plans cannot be read",
        ) from None
    return {kind: [plan.model_dump() for plan in plans] for kind, plans in made.plans.items()}
