"""`kokunai:sakura:Server`: a server with its disks and network interfaces, one resource a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.drivers.sakura_iaas import ARCHIVE, DISK, SERVER
from kokunai.errors import KokunaiError
from kokunai.plugin.inputs import maps_in
from kokunai.plugin.kind import (
    OWNED_BY,
    UNKNOWN,
    Change,
    Checked,
    Created,
    Found,
    Held,
    Operation,
    Props,
    Transition,
    holds_unknown,
)
from kokunai.plugin.sakura import ownership
from kokunai.plugin.sakura.kind import SakuraKind, keeping, mark_found, place_of
from kokunai.plugin.sakura.products import image_name
from kokunai.plugin.sakura.server import difference, view
from kokunai.plugin.sakura.server.boot_disk import CONFIGURED_BY
from kokunai.plugin.sakura.server.disks import disks_by_index, without_others
from kokunai.plugin.sakura.server.inputs import ServerComputed, ServerInputs
from kokunai.plugin.sakura.server.work import ServerWork, remove
from kokunai.plugin.sakura.session import id_of

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.sakura.products import Products
    from kokunai.plugin.sakura.session import Session

# Outputs that a change of these inputs makes unknown until it is applied.
_RENEWED = {
    "plan": ("serverId",),
    "nics": ("interfaceIds", "address", "addresses", "macAddresses"),
    "disks": ("diskIds",),
}


class Server(SakuraKind):
    """A server; its Pulumi id is the API's first id, `serverId` the current one."""

    pulumi_type = "kokunai:sakura:Server"
    model = ServerInputs
    computed = ServerComputed
    marked = (SERVER, DISK)
    default_timeout_seconds = 1200.0
    secret_properties = frozenset({"password", "hostKeySeed"})

    def identity(self, transition: Transition) -> str:
        """The API's current id, which changes with the plan."""
        return str(transition.state.get("serverId") or transition.id)

    async def check(self, transition: Transition) -> Checked:
        """Check the inputs; the host name defaults to the name."""
        checked = await super().check(transition)
        if checked.failures:
            return checked
        return Checked({"hostName": checked.inputs["name"], **checked.inputs})

    def held(self, props: Props) -> Held:
        """What is on its disks, which are removed with it."""
        sizes = [disk.get("sizeGib") for disk in maps_in(props.get("disks"))]
        gib = sum(size for size in sizes if isinstance(size, int))
        return Held(gib, "サーバー", "server")

    def diff(self, transition: Transition) -> list[Change]:
        """All changes, and what each of them needs."""
        return difference.changes(transition)

    async def preview(self, op: Operation, transition: Transition) -> Props:
        """The outputs; those that no change renews stay known, so that dependents do not change."""
        outputs = await super().preview(op, transition)
        if not transition.id:
            return outputs
        changed = {change.path for change in self.diff(transition)}
        for name, renewed in _RENEWED.items():
            if any(path.startswith(name) and _renews(path) for path in changed):
                outputs.update(dict.fromkeys(renewed, UNKNOWN))
        if any(path == "configDigest" or _configures(path) for path in changed):
            outputs["configDigest"] = UNKNOWN
        if outputs["instanceStatus"] is not UNKNOWN:
            outputs["instanceStatus"] = "up"
        if self._accounts.can_open(op.config):
            with self._failures_as_warnings(op):
                await self._foresee_power_off(op, transition)
        return outputs

    async def _foresee_power_off(self, op: Operation, transition: Transition) -> None:
        """Warn when the present state of the server, not the inputs, will need a power-off."""
        is_told = any(change.power_off for change in self.diff(transition))
        if is_told or holds_unknown(transition.new):
            return
        work = self._work_of_update(op, transition)
        work.server = await self._current(work.session, transition) or {}
        if work.server and await work.will_power_off():
            op.warn(
                f"{op.name}: 実際の構成がステートと異なるため、適用時に再起動します。"
                "何が異なるかは pulumi refresh で確認できます。\n"
                f"{op.name} is not as the state has it, so this change will power it off and "
                "boot it again; `pulumi refresh` shows what differs."
            )

    async def check_sold(
        self, session: Session, products: Products, old: Props, new: Props
    ) -> None:
        """Raises KokunaiError when zone, plan, disks or image are not sold, as far as changed."""
        await super().check_sold(session, products, old, new)
        try:
            await _check_parts(session, products, old, new)
        except KokunaiError:
            # If an interrupted create made the server, its plan may be sold out by now.
            if old or not await ownership.mine(session, SERVER):
                raise

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Create it or adopt what a killed create made; once there is an id, a failure keeps it."""
        new = transition.new
        work = ServerWork(self.session(op, new["zone"]), self.products(op), new)
        work.outputs.update(new)

        async def judge(item: Item) -> None:
            await self.refuse_unfit(work.session, SERVER, item, new)

        server_id = await work.make(judge)
        with keeping(server_id, work.outputs):
            await work.finish()
        return Created(server_id, work.outputs)

    async def refuse_unfit(
        self, session: Session, what: Collection, item: Item, new: Props
    ) -> None:
        """A server is fit as long as it has no disks, which a create makes after it."""
        if what == SERVER and item.get("Disks"):
            left = await self.read(session.op, Transition(id_of(item), old={"zone": session.zone}))
            self.refuse_other(session.op, left, new)

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The server as the API shows it, with the old inputs that the API does not show."""
        given = transition.old
        zone, server_id = place_of(transition.id, given, transition.state)
        session = self.session(op, zone)
        server = await self._current(session, transition)
        if server is None:
            return None
        disks = await disks_by_index(session, server)
        if transition.state:
            server, disks = without_others(session.op, server, disks, transition.state)
        image = await _image(session, given, disks.get(0))
        inputs = view.inputs(server, zone, given, image)
        outputs = {**inputs, **view.computed(server, disks.get(0)), "zoneName": zone}
        # Nothing at the API shows it.
        outputs["hostKey"] = transition.state.get("hostKey", "")
        outputs |= mark_found(transition, server)
        return Found(server_id, inputs, outputs)

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Change the server to the new inputs, and finish what an earlier run left undone."""
        work = self._work_of_update(op, transition)
        with keeping(transition.id, work.outputs):
            server = await self._current(work.session, transition)
            if server is None:
                await work.make()  # deleted outside of Pulumi since the last refresh
            else:
                work.server = server
            await work.finish()
        return work.outputs

    def _work_of_update(self, op: Operation, transition: Transition) -> ServerWork:
        return ServerWork(
            self.session(op, transition.new["zone"]),
            self.products(op),
            transition.new,
            reconfigure=any(_configures(change.path) for change in self.diff(transition)),
            known_disk_ids=transition.state.get("diskIds", ()),
            former_key=transition.state.get("hostKey", ""),
            outputs=dict(transition.state),
        )

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Shut down, remove with the disks, and remove what an interrupted run left."""
        state = transition.state
        zone, _ = place_of(transition.id, state)
        session = self.session(op, zone)
        server = await self._current(session, transition)
        force = bool(state.get("forceShutdown"))
        await remove(session, server, state.get("diskIds", ()), force=force)

    async def _current(self, session: Session, transition: Transition) -> Item | None:
        """The server by its id, else by its tag: the answer with a new id may have been lost."""
        known = transition.state.get("serverId")
        server_id = known or place_of(transition.id, {"zone": session.zone})[1]
        server = await session.read(SERVER, server_id)
        if server is not None:
            return server
        # The mark may still be the one that the state has: it is written anew by an update.
        # Without an owner nothing tells it from what another stack of this name made.
        owners = {session.op.owner, str(transition.old.get(OWNED_BY) or "")} - {""}
        marked = await ownership.marked(session, SERVER)
        return next((item for item in marked if ownership.owner_in(item) in owners), None)


async def _check_parts(session: Session, products: Products, old: Props, new: Props) -> None:
    if not holds_unknown(new["plan"]) and new["plan"] != old.get("plan"):
        await products.check_server_plan(session, new["plan"])
    if holds_unknown(new["disks"]) or new["disks"] == old.get("disks"):
        return
    for disk in new["disks"]:
        await products.check_disk(session, disk["plan"], disk["sizeGib"])
        if "image" in disk:
            await products.archive(session, disk["image"], disk["sizeGib"])


async def _image(session: Session, given: Props, boot: Item | None) -> str:
    """The name of the boot disk's image; asked from the API only at an import."""
    named = (given.get("disks") or [{}])[0].get("image")
    if named or boot is None:
        return named or ""
    disk = await session.read(DISK, id_of(boot)) or {}
    archive_id = (disk.get("SourceArchive") or {}).get("ID")
    archive = await session.read(ARCHIVE, str(archive_id)) if archive_id else None
    return image_name(archive or {})


def _renews(path: str) -> bool:
    """Whether a change at this path makes outputs unknown; filters and addresses do not."""
    return not path.startswith("nics") or path.endswith((".switchId", "].address", "]"))


def _configures(path: str) -> bool:
    top = path.partition("[")[0]
    return top in CONFIGURED_BY or path.startswith("nics[0].")
