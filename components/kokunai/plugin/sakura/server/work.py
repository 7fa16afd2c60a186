"""Brings a server to its inputs, from any state that an interrupted run may have left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kokunai.drivers import sakura_requests
from kokunai.drivers.errors import NotFound, Passing
from kokunai.drivers.sakura_iaas import DISK, SERVER
from kokunai.plugin.sakura import ownership
from kokunai.plugin.sakura.kind import described, description_inputs, own_tags, tags_of
from kokunai.plugin.sakura.power import is_up, power_off, power_on, remove_when_off
from kokunai.plugin.sakura.products import matches_plan
from kokunai.plugin.sakura.server import first_key, view
from kokunai.plugin.sakura.server.boot_disk import remove_notes
from kokunai.plugin.sakura.server.disks import Disks, is_disk_of, plugged_into
from kokunai.plugin.sakura.server.nics import Nics
from kokunai.plugin.sakura.session import id_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Props
    from kokunai.plugin.sakura.products import Products
    from kokunai.plugin.sakura.session import Session


@dataclass
class ServerWork:
    """The work on one server; `outputs` is kept up to date, so that a failure loses nothing."""

    session: Session
    products: Products
    wanted: Props
    reconfigure: bool = False
    """Inputs that are written into the boot disk have changed."""
    known_disk_ids: Sequence[str] = ()
    """Ids of the disks in the state, with or without a tag."""
    former_key: str = ""
    """The first host key in the state, of a boot disk that may be lost."""
    outputs: Props = field(default_factory=dict)
    server: Item = field(default_factory=dict)

    @property
    def server_id(self) -> str:
        """The API's current id."""
        return id_of(self.server)

    async def make(self, judge: Callable[[Item], Awaitable[None]] | None = None) -> str:
        """Create the server, or adopt the one that an interrupted create made; returns its id.

        `judge` raises KokunaiError for one that must not be adopted.
        """
        left = ownership.Finding(self.session, SERVER, DISK, known_ids=self.known_disk_ids)

        async def find() -> Item | None:
            item = await left()
            if item is not None and judge is not None:
                await judge(item)
            return item

        self.server = await self.session.create(SERVER, self._body, find, is_unrecorded=True)
        # Of an adopted server too: the same key was written when its disk was made.
        self._pin()
        return self.server_id

    def _pin(self, mark: str = "") -> None:
        seed = self.wanted.get("hostKeySeed")
        of = mark or self.server_id
        self.outputs["hostKey"] = first_key.public_key(seed, of) if seed else ""

    async def _body(self) -> Item:
        await self.products.check_server_plan(self.session, self.wanted["plan"])
        return sakura_requests.server(
            name=self.wanted["name"],
            description=described(self.session.op, self.wanted),
            tags=tags_of(self.session.op, self.wanted),
            plan=sakura_requests.server_plan(self.wanted["plan"]),
            switch_ids=[nic["switchId"] for nic in self.wanted["nics"]],
        )

    async def finish(self) -> None:
        """Do everything that is missing; may be interrupted and repeated at any point."""
        disks, nics = self._parts()
        await self._look(disks)
        await disks.look(self.server)
        await self._name()
        if self._must_be_off(disks, nics) and is_up(self.server):
            await self._power_off()
        await self._change_plan()
        if nics.must_reconnect(self.server):
            await nics.connect(self.server_id)
        is_new = disks.boot is None
        await disks.make(self.server_id)
        if is_new or disks.key_mark:
            self._pin(disks.key_mark)
        await disks.remove_extra(self.server)
        await disks.mark()
        await disks.configure()
        await self._look(disks)
        await nics.filter(self.server)
        self.server = await power_on(self.session, SERVER, self.server_id)
        self._note(disks)

    async def will_power_off(self) -> bool:
        """Whether `finish` would switch off the running server; changes nothing."""
        disks, nics = self._parts()
        await disks.look(self.server)
        return is_up(self.server) and self._must_be_off(disks, nics)

    def _parts(self) -> tuple[Disks, Nics]:
        disks = Disks(
            self.session,
            self.products,
            self.wanted,
            self.known_disk_ids,
            reconfigure=self.reconfigure,
            former_key=self.former_key,
        )
        return disks, Nics(self.session, self.wanted["nics"])

    async def _look(self, disks: Disks) -> None:
        """Read the server and update `outputs`."""
        self.server = await self.session.get(SERVER, self.server_id)
        self._note(disks)

    def _note(self, disks: Disks) -> None:
        self.outputs.update(self.wanted)
        self.outputs.update(view.computed(self.server, disks.boot))
        self.outputs["diskIds"] = disks.plugged(self.server)
        self.outputs.setdefault("hostKey", "")
        self.outputs["zoneName"] = self.outputs["zoneName"] or self.session.zone

    def _must_be_off(self, disks: Disks, nics: Nics) -> bool:
        return (
            not self._has_plan()
            or disks.must_change(self.server)
            or nics.must_reconnect(self.server)
        )

    async def _power_off(self) -> None:
        force = bool(self.wanted["forceShutdown"])
        await power_off(self.session, SERVER, self.server_id, force=force)

    async def _name(self) -> None:
        """Write name, description and tags with the digest, by which the server is found again."""
        op = self.session.op
        current: dict[str, Any] = {
            "name": self.server["Name"],
            **description_inputs(self.server),
            "tags": own_tags(self.server.get("Tags")),
        }
        is_mine = ownership.is_marked(op, self.server)
        if is_mine and all(self.wanted.get(name) == value for name, value in current.items()):
            return
        body = {
            "Name": self.wanted["name"],
            "Description": described(op, self.wanted),
            "Tags": tags_of(op, self.wanted),
        }
        self.server = await self.session.update(SERVER, self.server_id, {"Server": body})

    def _has_plan(self) -> bool:
        return matches_plan(self.server.get("ServerPlan") or {}, self.wanted["plan"])

    async def _change_plan(self) -> None:
        """Change the plan, which gives a new id; the tag finds the server if the answer is lost."""
        plan = sakura_requests.server_plan(self.wanted["plan"])
        attempt = 0
        while not self._has_plan():
            try:
                self.server = await self.session.once(
                    lambda: self.session.api.change_plan(self.session.zone, self.server_id, plan)
                )
            except (Passing, NotFound) as error:
                await self.session.back_off(error, attempt)
                attempt += 1
                mine = await ownership.mine(self.session, SERVER)
                if not mine:
                    raise
                self.server = mine[0]
        self.outputs["serverId"] = self.server_id


async def remove(
    session: Session, server: Item | None, known_disk_ids: Sequence[str], *, force: bool
) -> None:
    """Shut down and remove a server with its disks, and remove what an interrupted run left."""
    marked = await ownership.marked(session, DISK)
    if server is not None:
        server_id = id_of(server)
        own = [disk for disk in marked if is_disk_of(session.op, disk, server_id)]
        ours = {*known_disk_ids, *map(id_of, own)}
        disk_ids = _without_others(session, server, ours)
        await remove_when_off(
            session,
            SERVER,
            server_id,
            lambda: session.api.delete_server(session.zone, server_id, disk_ids),
            force=force,
        )
    # Asked for again: the server may have kept a disk that it was not seen with.
    for disk in await ownership.marked(session, DISK):
        # An unplugged disk without an owner may be what another stack of this name left.
        is_mine = session.op.owner and ownership.is_marked(session.op, disk)
        if not plugged_into(disk) and (is_mine or id_of(disk) in known_disk_ids):
            await session.delete(DISK, id_of(disk))
    await remove_notes(session)


def _without_others(session: Session, server: Item, ours: set[str]) -> list[str]:
    """Ids of the disks to remove with the server; warns of somebody else's disks, which stay."""
    plugged = list(map(id_of, server.get("Disks") or []))
    others = ", ".join(disk_id for disk_id in plugged if disk_id not in ours)
    if others:
        session.op.warn(
            f"ステートに記録のないディスクのため、削除せずに残します: {others}\n"
            f"Left alone, because the state does not have these disks: {others}"
        )
    return [disk_id for disk_id in plugged if disk_id in ours]
