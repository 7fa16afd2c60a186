"""A seller that nobody has heard of: one module in the registry, and nothing else is touched."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from kokunai.drivers.errors import Refused, Seller
from kokunai.plugin.inputs import Computed, Governed, Inputs
from kokunai.plugin.kind import Created, Found, Transition
from kokunai.plugin.model_kind import ModelKind
from kokunai.plugin.module import Module, Registry
from kokunai.plugin.sakura.module import sakura
from kokunai.plugin.serving import properties
from kokunai.plugin.settings import Section, SectionModel
from support.plugin_engine import Failed, running, urn

BOX = "kokunai:yama:Box"
GOVERNED = {"site": "yama-hakone", "labels": {"data-class": "internal"}}
YAMA = Seller(ja="山クラウド", en="Yama")


class YamaSettings(SectionModel):
    """How Yama is reached."""

    api_key: str | None = None
    retries: int = 2


class Lid(Inputs):
    """What closes a box."""

    colour: str


class BoxInputs(Governed):
    """A box in the mountains."""

    lid: Lid
    size_gib: int


class BoxComputed(Computed):
    """What Yama adds."""

    serial: str
    """Serial number."""


class Box(ModelKind):
    """Gets another serial number whenever its lid changes."""

    pulumi_type = BOX
    model = BoxInputs
    computed = BoxComputed
    replaced_by = {"sizeGib": "箱は大きくなりません / a box does not grow"}  # noqa: RUF012

    def __init__(self, boxes: dict[str, dict[str, Any]]) -> None:
        self._boxes = boxes

    def identity(self, transition: Transition) -> str:
        return str(transition.state["serial"])

    async def create(self, op: Any, transition: Transition) -> Created:
        if transition.new["lid"]["colour"] == "plaid":
            raise Refused(YAMA, "POST box", 400, "no_plaid", "we have our pride")
        made = self._boxes.setdefault(
            op.digest, {**transition.new, "serial": f"1-{op.config['yamaApiKey']}"}
        )
        return Created(op.digest, made)

    async def read(self, op: Any, transition: Transition) -> Found | None:
        box = self._boxes.get(transition.id)
        return box and Found(transition.id, transition.old, box)

    async def update(self, op: Any, transition: Transition) -> dict[str, Any]:
        self._boxes[transition.id] |= {**transition.new, "serial": "2"}
        return self._boxes[transition.id]

    async def delete(self, op: Any, transition: Transition) -> None:
        self._boxes.pop(transition.id, None)


class Yama:
    """The module, and whether it was started and closed."""

    def __init__(self) -> None:
        self.boxes: dict[str, dict[str, Any]] = {}
        self.events: list[str] = []

    def module(self) -> Module:
        section = Section(
            "yama", YamaSettings, {"api_key": ("YAMA_API_KEY",)}, frozenset({"api_key"})
        )
        return Module("yama", (Box(self.boxes),), section, self._start, self._close)

    def _start(self) -> None:
        self.events.append("started")

    async def _close(self) -> None:
        self.events.append("closed")


@pytest.fixture
def yama() -> Yama:
    return Yama()


@pytest.fixture
async def engine(yama: Yama) -> Any:
    async with running(sakura(), yama.module()) as engine:
        await engine.configure({"yamaApiKey": "mountain-key"})
        yield engine


async def test_its_kinds_live_and_end_like_any_other(engine: Any, yama: Yama) -> None:
    where = urn(BOX, "box")
    inputs = {**GOVERNED, "lid": {"colour": "red"}, "sizeGib": 10}
    news, failures = await engine.check(where, inputs)
    id_, state = await engine.create(where, news)
    wider, recoloured = {**news, "sizeGib": 20}, {**news, "lid": {"colour": "blue"}}

    costly = await engine.diff(where, id_, state, news, wider)
    cheap = await engine.diff(where, id_, state, news, recoloured)
    changed = await engine.update(where, id_, state, news, recoloured)
    await engine.delete(where, id_, changed)

    assert failures == {}
    assert state["ownerDigest"] == id_
    assert list(costly.replaces) == ["sizeGib"]
    assert set(cheap.detailedDiff) == {"lid.colour"}
    assert not cheap.replaces
    assert changed["serial"] == "2"
    assert yama.boxes == {}


async def test_its_mistakes_and_refusals_are_told_in_its_own_name(engine: Any) -> None:
    _, failures = await engine.check(urn(BOX, "box"), {**GOVERNED, "lid": {"tint": "red"}})
    with pytest.raises(Failed) as refusal:
        await engine.create(urn(BOX, "box"), {**GOVERNED, "lid": {"colour": "plaid"}, "sizeGib": 1})

    assert set(failures) == {"lid.colour", "lid.tint", "sizeGib"}
    assert "山クラウドの API がリクエストを拒否しました" in refusal.value.message
    assert "The Yama API refused POST box: 400 no_plaid we have our pride" in refusal.value.message
    assert "さくら" not in refusal.value.message


async def test_a_replacement_must_delete_first_by_the_identity_it_names(engine: Any) -> None:
    where = urn(BOX, "box")
    news, _ = await engine.check(where, {**GOVERNED, "lid": {"colour": "red"}, "sizeGib": 10})
    id_, state = await engine.create(where, news)
    wider = {**news, "sizeGib": 20}
    await engine.diff(where, id_, state, news, wider)

    with pytest.raises(Failed) as refusal:
        await engine.create(where, wider)
    assert "delete_before_replace=False cannot be used" in refusal.value.message
    await engine.update(where, id_, state, news, news)  # its serial number is another one now

    await engine.create(where, wider)


async def test_its_settings_are_checked_secret_and_kept_out_of_messages(engine: Any) -> None:
    props = {"yamaApiKey": "k", "yamaRetries": "often", "sakuraAccessToken": "t", "yama": 1}
    request = provider_pb2.CheckRequest(news=properties.encode(props))
    checked = await engine.stub.CheckConfig(request)
    schema = json.loads((await engine.stub.GetSchema(provider_pb2.GetSchemaRequest())).schema)

    assert [failure.property for failure in checked.failures] == ["yama", "yamaRetries"]
    assert properties.decode(checked.inputs).secrets == {"yamaApiKey", "sakuraAccessToken"}
    assert schema["config"]["variables"]["yamaApiKey"]["secret"]
    assert "kokunai:yama:BoxLid" in schema["types"]
    assert {BOX, "kokunai:sakura:Server"} <= schema["resources"].keys()


async def test_a_module_is_started_and_closed_with_the_plugin(yama: Yama) -> None:
    modules = Registry([yama.module()])

    modules.start()
    await modules.close()

    assert yama.events == ["started", "closed"]


def test_a_kind_is_registered_once_and_in_its_own_module(yama: Yama) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        Registry([yama.module(), yama.module()])
    with pytest.raises(ValueError, match="does not belong to the module umi"):
        Registry([Module("umi", (Box({}),))])
