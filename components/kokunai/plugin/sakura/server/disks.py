"""Creates, configures and removes the disks of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import DISK
from kokunai.plugin.sakura import ownership
from kokunai.plugin.sakura.kind import creation_failed, own_tags
from kokunai.plugin.sakura.products import DISK_PLAN_IDS
from kokunai.plugin.sakura.server import boot_disk, first_key
from kokunai.plugin.sakura.session import id_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Operation, Props
    from kokunai.plugin.sakura.products import Products
    from kokunai.plugin.sakura.session import Session

_ENDS_OF_MAKING = frozenset({"available", "failed", "discontinued"})


class Disks:
    """The disks of a server by their index in the inputs."""

    def __init__(
        self,
        session: Session,
        products: Products,
        wanted: Props,
        known_ids: Iterable[str] = (),
        *,
        reconfigure: bool = False,
        former_key: str = "",
    ) -> None:
        """`former_key` is the first host key of the boot disk that the state tells of."""
        self._known_ids = frozenset(known_ids)
        self._new_mark = first_key.mark_after(former_key)
        self._reconfigure = reconfigure
        self._session = session
        self._products = products
        self._wanted = wanted
        self._digest = boot_disk.digest(wanted)
        self._disks: dict[int, Item] = {}

    @property
    def boot(self) -> Item | None:
        """The boot disk with its tags, if it exists."""
        return self._disks.get(0)

    @property
    def key_mark(self) -> str:
        """What the boot disk's first key is derived from instead of the server's id, if anything.

        A disk that is there tells it, also one that a killed run has made.
        """
        return self._new_mark if self.boot is None else boot_disk.key_mark_of(self.boot)

    async def look(self, server: Item) -> None:
        """Find the server's disks by their tags, those of an imported server by their order.

        Disks that somebody else plugged in are ignored.
        """
        disks = await disks_by_index(self._session, server, self._known_ids)
        op, server_id = self._session.op, id_of(server)
        self._disks = {
            index: disk
            for index, disk in disks.items()
            if is_disk_of(op, disk, server_id) or id_of(disk) in self._known_ids
        }

    def plugged(self, server: Item) -> list[str]:
        """Ids of the disks plugged into the server, without those of somebody else."""
        known = self._known_ids | {id_of(disk) for disk in self._disks.values()}
        return [disk_id for disk_id in map(id_of, server.get("Disks") or []) if disk_id in known]

    def must_change(self, server: Item) -> bool:
        """Whether a disk is missing, unplugged, superfluous, or configured differently."""
        plugged = set(map(id_of, server.get("Disks") or []))
        wanted = range(len(self._wanted["disks"]))
        return (
            not {id_of(disk) for disk in self._disks.values()} <= plugged
            or set(self._disks) != set(wanted)
            or not self._is_configured()
        )

    async def make(self, server_id: str) -> None:
        """Create missing disks, wait until they are copied, and plug in unplugged ones."""
        scripts = self._scripts(server_id)
        if self.boot is None and self.key_mark:
            # A note that an interrupted run has left may hold another key.
            await boot_disk.remove_notes(self._session)
        notes = await boot_disk.register(self._session, scripts) if 0 not in self._disks else []
        for index in range(len(self._wanted["disks"])):
            if index not in self._disks:
                self._disks[index] = await self._make(index, server_id, notes)
        for index in range(len(self._wanted["disks"])):
            self._disks[index] = await self._made(index, server_id)
        if scripts:
            await boot_disk.remove_notes(self._session)

    def _scripts(self, server_id: str) -> list[str]:
        """What a new boot disk runs once; after the key, which is last, a login finds all done."""
        given, seed = self._wanted["startupScript"], self._wanted.get("hostKeySeed")
        key = [first_key.script(seed, self.key_mark or server_id)] if seed else []
        return [*([given] if given else []), *key]

    async def remove_extra(self, server: Item) -> None:
        """Unplug and remove the disks that are no longer in the inputs."""
        plugged = set(map(id_of, server.get("Disks") or []))
        for index in [index for index in self._disks if index >= len(self._wanted["disks"])]:
            disk_id = id_of(self._disks.pop(index))
            if disk_id in plugged:
                await self._unplug(disk_id)
            await self._session.delete(DISK, disk_id)

    async def _unplug(self, disk_id: str) -> None:
        session = self._session
        await session.ensure(
            lambda: session.api.disconnect_disk(session.zone, disk_id),
            lambda: self._is_plugged_into("", disk_id),
        )

    async def _plug(self, disk_id: str, server_id: str) -> None:
        session = self._session
        await session.ensure(
            lambda: session.api.connect_disk(session.zone, disk_id, server_id),
            lambda: self._is_plugged_into(server_id, disk_id),
        )

    async def _is_plugged_into(self, server_id: str, disk_id: str) -> bool:
        return plugged_into(await self._session.read(DISK, disk_id) or {}) == server_id

    async def mark(self) -> None:
        """Write the marks of a renamed, imported or older server's disks anew."""
        op = self._session.op
        for index, disk in self._disks.items():
            tags = disk.get("Tags") or []
            if not ownership.is_marked(op, disk):
                kept = [tag for tag in tags if not _is_digest(tag) and not _is_index(tag)]
                tags = [*ownership.tags(op), f"{boot_disk.DISK_TAG}{index}", *kept]
                self._disks[index] = await self._tag(disk, tags)

    async def _tag(self, disk: Item, tags: list[str]) -> Item:
        body = {
            "Name": disk["Name"],
            "Description": disk.get("Description") or "",
            "Tags": tags,
        }
        return await self._session.update(DISK, id_of(disk), {"Disk": body})

    async def configure(self) -> None:
        """Write the configuration unless the tag of the boot disk shows that it has it."""
        boot = self._disks[0]
        if self._is_configured():
            return
        disk_id, zone = id_of(boot), self._session.zone
        wanted = boot_disk.request(self._wanted)
        self._session.op.status("ディスクに設定を書いています / configuring the disk")
        await self._session.call(lambda: self._session.api.configure_disk(zone, disk_id, wanted))
        tags = [*own_tags(boot.get("Tags")), *self._tags(0)]
        self._disks[0] = await self._tag(boot, tags)

    def _is_configured(self) -> bool:
        """Whether the boot disk has the configuration; an imported one counts as configured.

        It has no digest to compare, and is written again when an input changes.
        """
        written = boot_disk.config_digest_of(self.boot)
        if self.boot is not None and not written:
            return not self._reconfigure
        return written == self._digest

    async def _make(self, index: int, server_id: str, notes: list[str]) -> Item:
        async def find() -> Item | None:
            made = await ownership.mine(self._session, DISK)
            free = [disk for disk in made if plugged_into(disk) in {"", server_id}]
            return next((disk for disk in free if boot_disk.index_of(disk) == index), None)

        return await self._session.create(DISK, lambda: self._body(index, server_id, notes), find)

    async def _body(self, index: int, server_id: str, notes: list[str]) -> Item:
        spec = self._wanted["disks"][index]
        await self._products.check_disk(self._session, spec["plan"], spec["sizeGib"])
        return sakura_requests.disk(
            name=f"{self._wanted['name']}-{index}",
            tags=self._tags(index),
            size_gib=spec["sizeGib"],
            plan_id=DISK_PLAN_IDS[spec["plan"]],
            server_id=server_id,
            archive_id=await self._archive_id(spec) if index == 0 else None,
            config=boot_disk.request(self._wanted, notes) if index == 0 else None,
        )

    def _tags(self, index: int) -> list[str]:
        configured = [f"{boot_disk.CONFIG_TAG}{self._digest}"] if index == 0 else []
        if index == 0 and self.key_mark:
            configured.append(f"{boot_disk.KEY_TAG}{self.key_mark}")
        return [*ownership.tags(self._session.op), *configured, f"{boot_disk.DISK_TAG}{index}"]

    async def _archive_id(self, spec: Props) -> str:
        archive = await self._products.archive(self._session, spec["image"], spec["sizeGib"])
        return id_of(archive)

    async def _made(self, index: int, server_id: str) -> Item:
        """Wait until the disk is copied and plug it in if needed."""
        session, disk_id = self._session, id_of(self._disks[index])
        disk = await session.until(
            lambda: session.get(DISK, disk_id),
            lambda disk: disk.get("Availability", "available") in _ENDS_OF_MAKING,
            _progress,
        )
        if disk.get("Availability", "available") != "available":
            raise creation_failed(session.op)
        if plugged_into(disk) != server_id:
            await self._plug(disk_id, server_id)
        return disk


async def disks_by_index(
    session: Session, server: Item, known_ids: Collection[str] = ()
) -> dict[int, Item]:
    """Disks by index: from the tag, else from the order in which they are plugged in."""
    disks: dict[int, Item] = {}
    for disk in await ownership.marked(session, DISK):
        index = boot_disk.index_of(disk)
        is_ours = is_disk_of(session.op, disk, id_of(server)) or id_of(disk) in known_ids
        # A renamed server's disks still have the digest of its old name, which may be this one.
        if index is not None and is_ours and plugged_into(disk) in {"", id_of(server)}:
            disks.setdefault(index, disk)
    ours = {id_of(disk) for disk in disks.values()}
    for index, plugged in enumerate(server.get("Disks") or []):
        if id_of(plugged) not in ours:
            disk = await session.read(DISK, id_of(plugged)) or plugged
            marked = boot_disk.index_of(disk)
            disks.setdefault(index if marked is None else marked, disk)
    return disks


def without_others(
    op: Operation, server: Item, disks: dict[int, Item], state: Props
) -> tuple[Item, dict[int, Item]]:
    """The server and its disks without those that somebody else plugged in."""
    known = set(state.get("diskIds") or ())
    kept = {
        index: disk
        for index, disk in disks.items()
        if id_of(disk) in known or is_disk_of(op, disk, id_of(server))
    }
    ours = known | set(map(id_of, kept.values()))
    plugged = [disk for disk in server.get("Disks") or [] if id_of(disk) in ours]
    return {**server, "Disks": plugged}, kept


def is_disk_of(op: Operation, disk: Item, server_id: str) -> bool:
    """Whether the marks say that the disk is this resource's.

    One that a version without owners made counts where it is plugged into the resource's server.
    """
    owner = ownership.owner_in(disk)
    is_older = not owner and plugged_into(disk) == server_id
    return ownership.place_in(disk, op.place) and (owner == op.owner or is_older)


def _is_digest(tag: str) -> bool:
    kept = (boot_disk.DISK_TAG, boot_disk.CONFIG_TAG, boot_disk.KEY_TAG)
    return tag.startswith("kokunai-") and not tag.startswith(kept)


def _is_index(tag: str) -> bool:
    return tag.startswith(boot_disk.DISK_TAG)


def plugged_into(disk: Item) -> str:
    """Id of the server into which the disk is plugged, or empty."""
    return str((disk.get("Server") or {}).get("ID") or "")


def _progress(disk: Item) -> str:
    size, done = int(disk.get("SizeMB") or 0), int(disk.get("MigratedMB") or 0)
    share = f" {100 * done // size} %" if size and done else ""
    return f"ディスクをコピーしています / copying the disk{share}"
