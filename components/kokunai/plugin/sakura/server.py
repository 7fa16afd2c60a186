"""`kokunai:sakura:Server`: a server with its disks and network interfaces, one resource a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kokunai.drivers.sakura_iaas import ARCHIVE, DISK, SERVER
from kokunai.errors import KokunaiError
from kokunai.plugin.kind import UNKNOWN, Change, Checked, Created, Found, Operation, Props
from kokunai.plugin.sakura import server_diff
from kokunai.plugin.sakura import server_view as view
from kokunai.plugin.sakura.kind import SakuraKind, keeping, place_of
from kokunai.plugin.sakura.server_config import CONFIGURED_BY
from kokunai.plugin.sakura.server_disks import disks_by_index
from kokunai.plugin.sakura.server_inputs import ServerInputs
from kokunai.plugin.sakura.server_work import ServerWork, remove
from kokunai.plugin.serving.wire import holds_unknown

if TYPE_CHECKING:
    from kokunai.drivers.sakura_iaas import Item
    from kokunai.plugin.sakura.products import Products
    from kokunai.plugin.sakura.session import Session

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
# What a change of these inputs makes unknown until it has happened.
_RENEWED = {
    "plan": ("serverId",),
    "nics": ("interfaceIds", "address", "addresses", "macAddresses"),
    "disks": ("diskIds",),
}


class Server(SakuraKind):
    """The Pulumi id is the first API id; `serverId` is the current one."""

    token = "kokunai:sakura:Server"  # noqa: S105 - a type token
    model = ServerInputs
    default_timeout_seconds = 1200.0
    secret_properties = frozenset({"password"})
    computed: ClassVar = {
        "serverId": _TEXT,
        "diskIds": _TEXTS,
        "interfaceIds": _TEXTS,
        "address": _TEXT,
        "addresses": _TEXTS,
        "macAddresses": _TEXTS,
        "zoneName": _TEXT,
        "instanceStatus": _TEXT,
        "configDigest": _TEXT,
    }

    async def check(self, op: Operation, olds: Props | None, news: Props) -> Checked:
        """The host name is the name where it is left out."""
        checked = await super().check(op, olds, news)
        if checked.failures:
            return checked
        return Checked({"hostName": checked.inputs["name"], **checked.inputs})

    def diff(self, id: str, state: Props, old_inputs: Props, news: Props) -> list[Change]:  # noqa: A002, ARG002
        """Prices of changes are in `server_diff`."""
        return server_diff.changes(state, old_inputs, news)

    async def preview(
        self,
        op: Operation,
        id: str | None,  # noqa: A002
        state: Props,
        old_inputs: Props,
        news: Props,
    ) -> Props:
        """Outputs that no change touches stay known, so that nothing else seems to change."""
        outputs = await super().preview(op, id, state, old_inputs, news)
        if id is None:
            return outputs
        changed = {one.path for one in self.diff(id, state, old_inputs, news)}
        for name, renewed in _RENEWED.items():
            if any(path.startswith(name) and _renews(path) for path in changed):
                outputs.update(dict.fromkeys(renewed, UNKNOWN))
        if any(path == "configDigest" or _configures(path) for path in changed):
            outputs["configDigest"] = UNKNOWN
        if outputs["instanceStatus"] is not UNKNOWN:
            outputs["instanceStatus"] = "up"
        if self._accounts.can_open(op.config):
            with self._forgiving(op):
                await self._foresee(op, id, state, old_inputs, news)
        return outputs

    async def _foresee(
        self,
        op: Operation,
        id: str,  # noqa: A002
        state: Props,
        old_inputs: Props,
        news: Props,
    ) -> None:
        """Says what the differences do not: what is really there may need a power-off, too."""
        told = any(one.power_off for one in self.diff(id, state, old_inputs, news))
        if told or holds_unknown(news):
            return
        work = self._work_of_update(op, id, state, old_inputs, news)
        server = await _locate(work.session, state.get("serverId") or place_of(id, news)[1])
        work.server = server or {}
        if server and await work.will_power_off():
            op.warn(
                f"{op.name} は状態にある姿と違うので、この変更では電源を切り、入れ直します。"
                "何が違うかは pulumi refresh で分かります。\n"
                f"{op.name} is not as the state has it, so this change will power it off and "
                "boot it again; `pulumi refresh` shows what differs."
            )

    async def check_sold(
        self, session: Session, products: Products, old_inputs: Props, news: Props
    ) -> None:
        """Zone, plan, disks and image, as far as they are known and new."""
        await super().check_sold(session, products, old_inputs, news)
        try:
            await _check_parts(session, products, old_inputs, news)
        except KokunaiError:
            made = None if old_inputs else await session.first_tagged(SERVER)
            if made is None:  # else an interrupted create took the last one
                raise

    async def create(self, op: Operation, inputs: Props) -> Created:
        """Make it or find it; from the first id on, a failure keeps the id."""
        work = ServerWork(self.session(op, inputs["zone"]), self.products(op), inputs)
        work.outputs.update(inputs)
        server_id = await work.make()
        if work.server.get("Disks"):  # a killed create made it
            left = await self.read(op, server_id, {}, {"zone": inputs["zone"]})
            self.refuse_other(op, left, inputs)
        with keeping(server_id, work.outputs):
            await work.finish()
        return Created(server_id, work.outputs)

    async def read(self, op: Operation, id: str, state: Props, inputs: Props) -> Found | None:  # noqa: A002
        """As the API has it, with what the API does not tell from the inputs."""
        zone, server_id = place_of(id, inputs, state)
        session = self.session(op, zone)
        server = await _locate(session, state.get("serverId") or server_id)
        if server is None:
            return None
        disks = await disks_by_index(session, server)
        image = await _image(session, inputs, disks.get(0))
        seen = view.inputs(server, zone, inputs, image)
        outputs = {**seen, **view.computed(server, disks.get(0)), "zoneName": zone}
        return Found(server_id, seen, outputs)

    async def update(
        self,
        op: Operation,
        id: str,  # noqa: A002
        state: Props,
        old_inputs: Props,
        news: Props,
    ) -> Props:
        """From what is really there to the new inputs, so that it also ends what failed."""
        work = self._work_of_update(op, id, state, old_inputs, news)
        with keeping(id, work.outputs):
            server = await _locate(work.session, state.get("serverId") or place_of(id, news)[1])
            if server is None:
                await work.make()  # it vanished, and nobody refreshed
            else:
                work.server = server
            await work.finish()
        return work.outputs

    def _work_of_update(
        self,
        op: Operation,
        id: str,  # noqa: A002
        state: Props,
        old_inputs: Props,
        news: Props,
    ) -> ServerWork:
        changed = self.diff(id, state, old_inputs, news)
        return ServerWork(
            self.session(op, news["zone"]),
            self.products(op),
            news,
            reconfigure=any(_configures(one.path) for one in changed),
            known_disk_ids=state.get("diskIds", ()),
            outputs=dict(state),
        )

    async def delete(self, op: Operation, id: str, state: Props) -> None:  # noqa: A002
        """Power off, wait, remove with disks; and what an interrupted run left."""
        zone, server_id = place_of(id, state)
        session = self.session(op, zone)
        server = await _locate(session, state.get("serverId") or server_id)
        force = bool(state.get("forceShutdown"))
        await remove(session, server, state.get("diskIds", ()), force=force)


async def _check_parts(
    session: Session, products: Products, old_inputs: Props, news: Props
) -> None:
    if not holds_unknown(news["plan"]) and news["plan"] != old_inputs.get("plan"):
        await products.check_server_plan(session, news["plan"])
    if holds_unknown(news["disks"]) or news["disks"] == old_inputs.get("disks"):
        return
    for disk in news["disks"]:
        await products.check_disk(session, disk["plan"], disk["sizeGib"])
        if "image" in disk:
            await products.archive(session, disk["image"], disk["sizeGib"])


async def _locate(session: Session, server_id: str) -> Item | None:
    """By id, else by tag: a plan change gives another id, and its answer may be lost."""
    return await session.read(SERVER, server_id) or await session.first_tagged(SERVER)


async def _image(session: Session, inputs: Props, boot: Item | None) -> str:
    """The name of the image; only an import has to ask for it."""
    given = (inputs.get("disks") or [{}])[0].get("image")
    if given or boot is None:
        return given or ""
    disk = await session.read(DISK, str(boot["ID"])) or {}
    archive_id = (disk.get("SourceArchive") or {}).get("ID")
    archive = await session.read(ARCHIVE, str(archive_id)) if archive_id else None
    return str((archive or {}).get("Name") or "")


def _renews(path: str) -> bool:
    """A packet filter or a note of an address renews no interface."""
    return not path.startswith("nics") or path.endswith((".switchId", "].address", "]"))


def _configures(path: str) -> bool:
    top = path.partition("[")[0]
    return top in CONFIGURED_BY or path.startswith("nics[0].")
