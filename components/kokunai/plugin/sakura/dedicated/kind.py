"""`kokunai:sakura:DedicatedServer`: a server under contract, adopted and never ordered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.plugin.kind import (
    OWNER,
    UNKNOWN,
    Change,
    Created,
    Found,
    Held,
    Operation,
    Props,
    Transition,
    holds_unknown,
)
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.sakura.dedicated import choice, difference, ports, view
from kokunai.plugin.sakura.dedicated import mark as marks
from kokunai.plugin.sakura.dedicated.inputs import DedicatedServerComputed, DedicatedServerInputs
from kokunai.plugin.sakura.dedicated.session import PhySession, is_on
from kokunai.plugin.sakura.dedicated.work import Adoption, adopt, mark_again, release
from kokunai.plugin.sakura.kind import failures_as_warnings, keeping

if TYPE_CHECKING:
    from kokunai.drivers.sakura_phy_views import Server, Service
    from kokunai.plugin.sakura.dedicated.accounts import PhyAccounts

_ID = re.compile(r"[0-9]{12}")


class DedicatedServer(ModelKind):
    """Its id is that of the service; a create adopts, and a delete releases."""

    pulumi_type = "kokunai:sakura:DedicatedServer"
    model = DedicatedServerInputs
    computed = DedicatedServerComputed
    import_id = "123456789012"
    default_timeout_seconds = 7200.0

    def __init__(self, accounts: PhyAccounts) -> None:
        self._accounts = accounts

    def held(self, props: Props) -> Held:
        """What is on its disks."""
        size = props.get("storageGib")
        return Held(size if isinstance(size, int) else 0, "専用サーバー", "dedicated server")

    def diff(self, transition: Transition) -> list[Change]:
        """All changes, and what each of them does."""
        return difference.changes(transition)

    def _session(self, op: Operation) -> PhySession:
        return PhySession(self._accounts.of(op.config), op)

    async def preview(self, op: Operation, transition: Transition) -> Props:
        """The outputs, and the service to adopt. Raises KokunaiError where none is free."""
        outputs = self.known_outputs(transition)
        if not transition.id and not op.is_recorded and not holds_unknown(transition.new):
            with failures_as_warnings(self._accounts.cloud, op):
                await self._foresee(op, transition.new)
        changed = self.diff(transition) if transition.id else []
        is_begun = transition.state.get("installation") == "begun"
        if any(change.loses or (change.path == "installation" and is_begun) for change in changed):
            outputs["hostIdentity"] = UNKNOWN
        if any(change.path.startswith(("internet", "dedicatedSubnetId")) for change in changed):
            outputs["address"] = UNKNOWN
        return outputs

    async def _foresee(self, op: Operation, new: Props) -> None:
        session = self._session(op)
        fleet = session.fleet
        services = await session.services(fleet.clock() - fleet.beat_seconds)
        service = choice.own(op, services)
        if service is not None:
            session.tell_of(service.service_id)
            choice.refuse_other(op, service, new)
            return
        others = {id_ for urn, id_ in fleet.foreseen.items() if urn != op.urn}
        running = await session.running()
        service = choice.free(op, services, new, running=running, foreseen=others)
        fleet.foreseen[op.urn] = service.service_id
        if new["reinstall"]:
            await session.image(service, new)
        _announce(op, service, erases=bool(new["reinstall"]))

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Adopt a service, or the one that a killed create adopted, and make it a node."""
        session = self._session(op)
        service = await adopt(session, transition.new)
        work = Adoption(session, transition.new, service)
        work.outputs.update({**transition.new, **view.computed(service, None)})
        with keeping(work.id, work.outputs):
            await work.finish()
        return Created(work.id, work.outputs)

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """The server as the API and the mark show it; gone once it is no longer ours."""
        session = self._session(op)
        service = await self._current(session, transition)
        if service is None:
            return None
        fleet = session.fleet
        servers = await session.servers(fleet.clock() - fleet.beat_seconds)
        server = servers.get(service.service_id)
        if server is None:
            return None
        if transition.state and not marks.read(service).place:
            return _unmarked(op, transition, service, server)
        inputs = view.inputs(service, server, transition.old)
        outputs = {**inputs, **view.computed(service, server)}
        digest = "" if transition.state else marks.read(service).digest
        return Found(service.service_id, inputs, outputs | ({OWNER: digest} if digest else {}))

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Change everything in place, and finish what an earlier run left undone."""
        session = self._session(op)
        service = await self._current(session, transition)
        if service is None:
            raise _gone(op, transition.id)
        service = await mark_again(session, service, transition.state)
        work = Adoption(session, transition.new, service, dict(transition.state))
        with keeping(transition.id, work.outputs):
            await work.finish()
        return work.outputs

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Release it: switched off, without networks and without our mark. The contract stays."""
        session = self._session(op)
        service = await self._current(session, transition)
        if service is not None:
            await release(session, transition.state, service)
        _tell_of_contract(op, transition)

    async def _current(self, session: PhySession, transition: Transition) -> Service | None:
        """The service, unless it is gone or somebody else has marked it since."""
        if not _ID.fullmatch(transition.id):
            raise KokunaiError(
                ja=f"ID「{transition.id}」は読めません。サービスコード 12 桁を書いてください。",
                en=f'The id "{transition.id}" cannot be read; write the 12 digits of the service.',
            )
        fleet = session.fleet
        services = await session.services(fleet.clock() - fleet.beat_seconds)
        service = services.get(transition.id)
        if service is None or not transition.state:
            return service
        if not marks.read(service).place:
            return service if await self._is_in_use(session, service) else None
        # A renamed resource has its old mark until an update writes it anew.
        known = {session.op.digest, transition.state.get(OWNER)}
        return service if marks.read(service).digest in known else None

    @staticmethod
    async def _is_in_use(session: PhySession, service: Service) -> bool:
        """Whether a service without a mark runs or is connected: then it was not released.

        Somebody has edited its description; taken for gone, it would be installed anew.
        """
        fleet = session.fleet
        servers = await session.servers(fleet.clock() - fleet.beat_seconds)
        server = servers.get(service.service_id)
        return server is not None and (is_on(server) or ports.is_connected(server))


def _unmarked(op: Operation, transition: Transition, service: Service, server: Server) -> Found:
    """The server as the state knows it, and that its mark is to be written again."""
    known = marks.of(op, transition.state, marks.of_state(service, transition.state))
    kept = service.model_copy(update={"description": marks.description(known)})
    inputs = view.inputs(kept, server, transition.old)
    outputs = {**inputs, **view.computed(kept, server), "installation": "unmarked"}
    return Found(service.service_id, inputs, outputs)


def _announce(op: Operation, service: Service, *, erases: bool) -> None:
    id_, name = service.service_id, service.nickname
    told = (
        "。OS をインストールするため、ディスクの内容は消えます / "
        if erases
        else "（OS はそのまま） / "
    )
    told_en = ", and installs the operating system, which erases its disks" if erases else ""
    op.info(f"サービス {id_}（{name}）を使います{told}adopts the service {id_} ({name}){told_en}")


def _gone(op: Operation, service_id: str) -> KokunaiError:
    return KokunaiError(
        ja=f"{op.name}: サービス {service_id} は契約がないか、別のリソースが使っています。"
        "pulumi refresh のあと、もう一度 pulumi up を実行してください。",
        en=f"{op.name}: the service {service_id} is no longer under contract, or another resource "
        "uses it; run pulumi refresh and then pulumi up again",
    )


def _tell_of_contract(op: Operation, transition: Transition) -> None:
    """Nobody must believe that a destroy ends the contract and its cost."""
    until = str(transition.state.get("paidUntil") or "")
    ja = f"支払い済みの期限: {until}" if until else "支払いの期限は契約書で確認してください"
    en = f"paid until {until}" if until else "see the contract for until when it is paid"
    op.info(
        f"{op.name}: サービス {transition.id} を解放しました。解約はしていません。契約と料金は"
        f"続きます（{ja}） / released the service {transition.id}; its contract and its price go "
        f"on ({en})"
    )
