"""The disks of a server: made once, copied, configured, removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.drivers import sakura_requests
from kokunai.drivers.sakura_iaas import DISK
from kokunai.plugin.sakura import server_config as config
from kokunai.plugin.sakura.kind import own_tags, remake
from kokunai.plugin.sakura.products import DISK_PLAN_IDS
from kokunai.plugin.sakura.server_notes import register, remove_notes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.kind import Props
    from kokunai.plugin.sakura.products import Products
    from kokunai.plugin.sakura.session import Session

_SETTLED = frozenset({"available", "failed", "discontinued"})


class Disks:
    """Disks by their place in the inputs."""

    def __init__(
        self,
        session: Session,
        products: Products,
        wanted: Props,
        known_ids: Iterable[str] = (),
        *,
        reconfigure: bool = False,
    ) -> None:
        self._known_ids = frozenset(known_ids)
        self._reconfigure = reconfigure
        self._session = session
        self._products = products
        self._wanted = wanted
        self._digest = config.digest(wanted)
        self._seen: dict[int, Item] = {}

    @property
    def boot(self) -> Item | None:
        """The boot disk with its tags, if it exists."""
        return self._seen.get(0)

    async def look(self, server: Item) -> None:
        """Ours by their tags; those of an imported server by their order; no one else's."""
        seen = await disks_by_index(self._session, server)
        self._seen = {index: disk for index, disk in seen.items() if self._is_known(disk)}

    def _is_known(self, disk: Item) -> bool:
        """Somebody may have plugged in a disk that the state has never seen."""
        is_mine = self._session.op.digest in (disk.get("Tags") or [])
        return is_mine or _id_of(disk) in self._known_ids

    def plugged(self, server: Item) -> list[str]:
        """Ids of the server's disks, without those of somebody else."""
        known = self._known_ids | {_id_of(disk) for disk in self._seen.values()}
        return [one for one in map(_id_of, server.get("Disks") or []) if one in known]

    def must_change(self, server: Item) -> bool:
        """Whether a disk is missing, unplugged, too many, or configured otherwise."""
        plugged = {_id_of(one) for one in server.get("Disks") or []}
        wanted = range(len(self._wanted["disks"]))
        return (
            not {_id_of(disk) for disk in self._seen.values()} <= plugged
            or set(self._seen) != set(wanted)
            or not self._is_configured()
        )

    async def make(self, server_id: str) -> None:
        """Make those that are missing, wait for the copy, and plug in what is loose."""
        script = self._wanted["startupScript"] if 0 not in self._seen else ""
        note = await register(self._session, script) if script else None
        for index in range(len(self._wanted["disks"])):
            if index not in self._seen:
                self._seen[index] = await self._make(index, server_id, note)
        for index in range(len(self._wanted["disks"])):
            self._seen[index] = await self._settle(index, server_id)
        if self._wanted["startupScript"]:
            await remove_notes(self._session)

    async def remove_extra(self, server: Item) -> None:
        """Unplug and remove disks that the inputs no longer have."""
        plugged = {str(one["ID"]) for one in server.get("Disks") or []}
        for index in [one for one in self._seen if one >= len(self._wanted["disks"])]:
            disk_id = str(self._seen.pop(index)["ID"])
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
        """Disks of a renamed or imported server get the digest by which they are found again."""
        for index, disk in self._seen.items():
            tags = disk.get("Tags") or []
            if self._session.op.digest not in tags:
                kept = [tag for tag in tags if not _is_digest(tag) and not _is_index(tag)]
                tags = [self._session.op.digest, f"{config.DISK_TAG}{index}", *kept]
                self._seen[index] = await self._tag(disk, tags)

    async def _tag(self, disk: Item, tags: list[str]) -> Item:
        body = {
            "Name": disk["Name"],
            "Description": disk.get("Description") or "",
            "Tags": tags,
        }
        return await self._session.update(DISK, str(disk["ID"]), {"Disk": body})

    async def configure(self) -> None:
        """Write the configuration unless the boot disk says that it has it."""
        boot = self._seen[0]
        if self._is_configured():
            return
        disk_id, zone = str(boot["ID"]), self._session.zone
        wanted = config.request(self._wanted)
        self._session.op.status("ディスクに設定を書いています / configuring the disk")
        await self._session.call(lambda: self._session.api.configure_disk(zone, disk_id, wanted))
        tags = [*own_tags(boot.get("Tags")), *self._tags(0)]
        self._seen[0] = await self._tag(boot, tags)

    def _is_configured(self) -> bool:
        """A boot disk without a mark was imported: it is left as it is until an input changes."""
        written = config.config_digest_of(self.boot)
        if self.boot is not None and not written:
            return not self._reconfigure
        return written == self._digest

    async def _make(self, index: int, server_id: str, note: str | None) -> Item:
        async def find() -> Item | None:
            made = await self._session.tagged(DISK)
            return next((one for one in made if config.index_of(one) == index), None)

        return await self._session.make(DISK, lambda: self._body(index, server_id, note), find)

    async def _body(self, index: int, server_id: str, note: str | None) -> Item:
        spec = self._wanted["disks"][index]
        await self._products.check_disk(self._session, spec["plan"], spec["sizeGib"])
        return sakura_requests.disk(
            name=f"{self._wanted['name']}-{index}",
            tags=self._tags(index),
            size_gib=spec["sizeGib"],
            plan_id=DISK_PLAN_IDS[spec["plan"]],
            server_id=server_id,
            archive_id=await self._archive_id(spec) if index == 0 else None,
            config=config.request(self._wanted, note) if index == 0 else None,
        )

    def _tags(self, index: int) -> list[str]:
        op_digest = self._session.op.digest
        if index == 0:
            return config.boot_tags(op_digest, self._digest)
        return [op_digest, f"{config.DISK_TAG}{index}"]

    async def _archive_id(self, spec: Props) -> str:
        found = await self._products.archive(self._session, spec["image"], spec["sizeGib"])
        return str(found["ID"])

    async def _settle(self, index: int, server_id: str) -> Item:
        session, disk_id = self._session, str(self._seen[index]["ID"])
        disk = await session.until(
            lambda: session.call(lambda: session.api.read(DISK, session.zone, disk_id)),
            lambda one: one.get("Availability", "available") in _SETTLED,
            _progress,
        )
        if disk.get("Availability", "available") != "available":
            raise remake(session.op)
        if plugged_into(disk) != server_id:
            await self._plug(disk_id, server_id)
        return disk


async def disks_by_index(session: Session, server: Item) -> dict[int, Item]:
    """Disks made here by the number in their tag, others by the order in which they are plugged."""
    found: dict[int, Item] = {}
    for disk in await session.tagged(DISK):
        index = config.index_of(disk)
        # A disk of another server keeps our digest while that server's new name is not written.
        if index is not None and plugged_into(disk) in {"", str(server["ID"])}:
            found.setdefault(index, disk)
    ours = {str(disk["ID"]) for disk in found.values()}
    for index, plugged in enumerate(server.get("Disks") or []):
        if str(plugged["ID"]) not in ours:
            disk = await session.read(DISK, str(plugged["ID"])) or plugged
            marked = config.index_of(disk)
            found.setdefault(index if marked is None else marked, disk)
    return found


def _id_of(item: Item) -> str:
    return str(item["ID"])


def _is_digest(tag: str) -> bool:
    return tag.startswith("kokunai-") and not tag.startswith(("kokunai-disk-", "kokunai-config-"))


def _is_index(tag: str) -> bool:
    return tag.startswith(config.DISK_TAG)


def plugged_into(disk: Item) -> str:
    """Id of the server that has the disk, or empty."""
    return str((disk.get("Server") or {}).get("ID") or "")


def _progress(disk: Item) -> str:
    size, done = int(disk.get("SizeMB") or 0), int(disk.get("MigratedMB") or 0)
    share = f" {100 * done // size} %" if size and done else ""
    return f"ディスクをコピーしています / copying the disk{share}"
