"""The module `acme`: machines and LANs, and how Acme's API is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kokunai.drivers.acme import Acme
from pydantic import Field

from kokunai.drivers.errors import NotFound
from kokunai.plugin.inputs import Computed, Governed
from kokunai.plugin.kind import Created, Found
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.module import Module
from kokunai.plugin.settings import Section, SectionModel
from kokunai.plugin.waiting import Waiting

if TYPE_CHECKING:
    from kokunai.plugin.kind import Operation, Props, Transition

_FIXED = "アクメでは変えられません / Acme cannot change it"


class AcmeSettings(SectionModel):
    """Which API is asked, with which key."""

    api_url: str = "https://api.acme.example/v1"
    """Address of the API. / API の URL。"""
    api_key: str = ""
    """Key. / キー。"""


SECTION = Section(
    prefix="acme",
    model=AcmeSettings,
    environment={"api_url": ("ACME_API_URL",), "api_key": ("ACME_API_KEY",)},
    secret_fields=frozenset({"api_key"}),
)


class Named(Governed):
    """Something of Acme's."""

    name: str = Field(min_length=1)
    """Name. / 名前。"""


class LanInputs(Named):
    """A LAN."""

    cidr: str
    """IPv4 network. / ネットワーク。"""


class MachineInputs(Named):
    """A machine on a LAN."""

    model: str
    """Make of the machine. / 機種。"""
    template: str
    """Operating system. / OS。"""
    lan_id: str
    """Id of the LAN. / LAN の ID。"""
    address: str
    """Address on the LAN. / LAN のアドレス。"""


class MachineComputed(Computed):
    """What Acme adds."""

    public_address: str
    """Where it answers. / 接続先。"""


class _AcmeKind(ModelKind):
    collection: ClassVar[str]

    def _api(self, op: Operation) -> Acme:
        return Acme(op.config["acmeApiUrl"], op.config["acmeApiKey"])

    def _outputs(self, inputs: Props, item: Props) -> Props:
        return {**inputs, **{name: item[name] for name in self.computed.names()}}

    async def create(self, op: Operation, transition: Transition) -> Created:
        """Make it, or find what a killed create made."""
        api, waiting, new = self._api(op), Waiting(op), transition.new

        async def find() -> Props | None:
            found = await waiting.call(lambda: api.find(self.collection, op.digest))
            return found[0] if found else None

        async def body() -> Props:
            return {**new, "mark": op.digest}

        item = await waiting.make(lambda made: api.create(self.collection, made), body, find)
        await api.close()
        return Created(item["id"], self._outputs(new, item))

    async def read(self, op: Operation, transition: Transition) -> Found | None:
        """As the API has it."""
        api = self._api(op)
        try:
            item = await Waiting(op).call(lambda: api.read(self.collection, transition.id))
        except NotFound:
            return None
        finally:
            await api.close()
        told = {key: item[key] for key in self.schema()["inputProperties"] if item.get(key)}
        # Later labels are known to the stack alone.
        inputs = {**told, "labels": transition.old.get("labels", item["labels"])}
        return Found(transition.id, inputs, self._outputs(inputs, item))

    async def update(self, op: Operation, transition: Transition) -> Props:
        """Labels are known to us alone."""
        return {**transition.state, **transition.new}

    async def delete(self, op: Operation, transition: Transition) -> None:
        """Wait until nothing uses it."""
        api, waiting = self._api(op), Waiting(op)
        await waiting.when_free(
            lambda: waiting.call(lambda: api.delete(self.collection, transition.id))
        )
        await api.close()


class Lan(_AcmeKind):
    """A LAN."""

    pulumi_type = "kokunai:acme:Lan"
    model = LanInputs
    collection = "lans"
    replaced_by: ClassVar = {"cidr": _FIXED}


class Machine(_AcmeKind):
    """A machine."""

    pulumi_type = "kokunai:acme:Machine"
    model = MachineInputs
    computed = MachineComputed
    collection = "machines"
    replaced_by: ClassVar = dict.fromkeys(("model", "template", "lanId", "address"), _FIXED)


def acme() -> Module:
    """Fresh kinds."""
    return Module("acme", kinds=(Lan(), Machine()), section=SECTION)
