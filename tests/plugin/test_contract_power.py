"""Power and health of a contract's hosts: read where it is allowed, and only ever switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from kokunai import model, resolved
from kokunai.capacity.contract import DOOR
from kokunai.contracts import reading
from kokunai.drivers.redfish import System
from kokunai.errors import KokunaiError
from kokunai.plugin.contract import board, host, power, reaching
from kokunai.plugin.contract.host import Host
from kokunai.plugin.kind import Transition
from kokunai.settings import StackSettings
from support import contract_hosts as doubles
from support.catalogue import sellers
from support.contract_hosts import OFFER, ContractHosts, by_contract, contract_hosts, host_key
from support.operation import Operation
from support.redfish_emulator import LOGIN, Emulator, emulator

__all__ = ["by_contract", "contract_hosts", "emulator", "sellers"]
BMC = {"url": "https://192.0.2.1", "certificateSha256": "ab" * 32}
INPUTS = {
    "site": "kddi-sakai",
    "labels": {},
    "contract": "box",
    "name": "box-1",
    "address": "192.168.10.11",
    "hostKey": host_key(1),
    "user": "root",
    "privateKeyFile": "id",
    "keyId": "0",
    "expected": {"gpuCount": 8, "gpuVendorId": "10de", "gpuModel": "NVIDIA H100 80GB"},
    "bmc": BMC,
}


class Board:
    """A controller in this process; `resets` has every change that was asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: str, health: str = "OK") -> None:
        self.state, self.health, self.resets = state, health, []
        monkeypatch.setattr(board, "Redfish", lambda *_: self)
        monkeypatch.setattr(power, "_POLL_SECONDS", 0.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def system(self) -> System:
        told = {"PowerState": self.state, "Status": {"Health": self.health}}
        return System.model_validate({"@odata.id": "/redfish/v1/Systems/1", **told})

    async def reset(self, _: System, kind: str) -> None:
        self.resets.append(kind)
        self.state = "On"


@pytest.fixture
def op() -> Operation:
    return Operation("train-0", config={"bmcUser": LOGIN.user, "bmcPassword": LOGIN.password})


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Hosts answer at once, or after as many silent looks as the list has items."""
    doubles.write_key(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    monkeypatch.chdir(tmp_path)
    looks: list[int] = []

    async def ask(*_: object) -> bytes:
        if looks:
            looks.pop()
            raise reaching.Unreachable("no route to host")
        return doubles.answer().encode()

    monkeypatch.setattr(reaching, "ask", ask)
    monkeypatch.setattr(host, "_POLL_SECONDS", 0.01)
    return looks


async def adopted(op: Operation, **changes: Any) -> dict[str, Any]:
    checked = await Host().check(Transition(new={**INPUTS, **changes}))
    assert checked.failures == ()
    return (await Host().create(op, Transition(new=checked.inputs))).outputs


async def test_a_host_that_is_off_is_switched_on_and_waited_for(
    op: Operation, silent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = Board(monkeypatch, "Off")
    silent += [1, 2, 3]

    outputs = await adopted(op)

    assert controller.resets == ["On"]
    assert (outputs["facts"]["power"], outputs["facts"]["health"]) == ("On", "OK")
    assert outputs["facts"]["gpus"]
    assert "train-0 (box-1, 192.168.10.11) is off and is switched on" in op.infos[0]
    assert "waiting for it to boot" in op.statuses[0]


async def test_a_host_that_is_on_is_left_alone_and_not_waited_for(
    op: Operation, silent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = Board(monkeypatch, "On", "Critical")
    outputs = await adopted(op)
    silent += [1]

    with pytest.raises(KokunaiError, match="cannot be reached"):
        await adopted(op)
    assert controller.resets == []
    assert outputs["facts"]["health"] == "Critical"
    assert "its BMC reports Critical; ask the operator" in op.warnings[0]


async def test_only_an_adoption_switches_on(
    op: Operation, silent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = Board(monkeypatch, "On")
    state = await adopted(op)
    controller.state = "Off"
    change = Transition("box/box-1", state, INPUTS, INPUTS)
    silent += [1, 2]

    found = await Host().read(op, change)
    with pytest.raises(KokunaiError, match="cannot be reached"):
        await Host().update(op, change)
    await Host().delete(op, change)

    assert controller.resets == []
    assert found is not None
    assert found.outputs["facts"] == {**state["facts"], "power": "Off"}
    assert sum("is off" in text for text in op.warnings) == 2


@pytest.mark.parametrize("config", [{}, {"bmcUser": "operator"}])
async def test_without_a_login_no_controller_is_asked(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, str]
) -> None:
    monkeypatch.setattr(board, "Redfish", None)
    op = Operation("train-0", config=config)

    outputs = await adopted(op)

    assert "power" not in outputs["facts"]
    assert "its power is not verified; export KOKUNAI_BMC_USER" in op.warnings[0]


async def test_without_leave_no_controller_is_asked_and_nothing_is_said(op: Operation) -> None:
    outputs = await adopted(op, bmc=None)

    assert "power" not in outputs["facts"]
    assert op.warnings == []


async def test_a_silent_controller_is_a_warning_and_the_host_is_adopted(op: Operation) -> None:
    outputs = await adopted(op, bmc={"url": "http://127.0.0.1:9"})

    assert "power" not in outputs["facts"]
    assert "which is not verified" in op.warnings[0]


async def test_a_login_is_never_sent_in_clear() -> None:
    checked = await Host().check(Transition(new={**INPUTS, "bmc": {"url": "http://192.0.2.1"}}))

    assert [(one.path, one.en) for one in checked.failures] == [
        ("bmc.url", "must begin with https")
    ]


@pytest.mark.slow
async def test_the_emulators_server_is_switched_on_by_its_certificate_alone(
    op: Operation, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(power, "_POLL_SECONDS", 0.3)
    other = {"url": emulator.url, "certificateSha256": "00" * 32}
    pinned = {"url": emulator.url, "certificateSha256": emulator.pin.upper()}
    (tmp_path / "ca.pem").write_bytes(emulator.certificate.read_bytes())

    with pytest.raises(KokunaiError, match="another certificate than the contract's"):
        await adopted(op, bmc=other)
    first = await adopted(op, bmc=pinned)
    second = await adopted(op, bmc={"url": emulator.url, "caFile": "ca.pem"})
    read = await Host().read(op, Transition("box/box-1", first, {**INPUTS, "bmc": other}))

    for outputs in (first, second):
        assert (outputs["facts"]["power"], outputs["facts"]["health"]) == ("On", "OK")
    assert sum("is switched on" in text for text in op.infos) == 1
    assert read is not None
    assert "another certificate" in op.warnings[-1]
    told = [*op.infos, *op.warnings, *op.statuses, str(first)]
    assert not any(LOGIN.password in text for text in told)


def _part(contract_hosts: ContractHosts, root: Path, **changes: Any) -> dict[str, Any]:
    bmc = {"url": "https://10.9.0.11", "ca_file": "bmc/ca.pem"}
    rows = [{**row, "bmc": bmc} for row in contract_hosts.contract()["hosts"]]
    settings = StackSettings(
        name="demo",
        data_class="internal",
        access={"private_key_file": "id", "ssh_from": ["198.18.0.0/15"]},
        contracts=contract_hosts.write_contract(hosts=rows, **changes),
        root=root,
    )
    asked = {"name": "train", "site": "kddi-sakai", "gpu": "h100", "node_count": 1}
    spec = model.GpuNodePool(**asked, offer=OFFER, contract="box")
    contract = settings.contract("box")
    pool = resolved.pool(spec, resolved.offer_of(spec), None, [], contract)
    [part] = DOOR.parts(pool, settings)
    return dict(part.props)


def test_the_controller_is_told_only_where_the_contract_allows_power(
    contract_hosts: ContractHosts, tmp_path: Path
) -> None:
    allowed = _part(contract_hosts, tmp_path, power="allowed")

    assert allowed["bmc"] == {"url": "https://10.9.0.11", "caFile": "bmc/ca.pem"}
    assert "bmc" not in _part(contract_hosts, tmp_path, power="none")
    assert "bmc" not in _part(contract_hosts, tmp_path)


@pytest.mark.parametrize(
    ("bmc", "place", "said"),
    [
        ({"certificate_sha256": "ab" * 32, "ca_file": "c"}, "bmc", "give only one of"),
        ({"certificate_sha256": "ab" * 31}, "bmc.certificate_sha256", ""),
        ({"verify_tls": False}, "bmc.verify_tls", "is not a known key"),
    ],
)
def test_a_controller_that_anybody_could_be_is_refused(
    contract_hosts: ContractHosts, tmp_path: Path, bmc: dict[str, Any], place: str, said: str
) -> None:
    first, *rest = contract_hosts.contract()["hosts"]
    row = {**first, "bmc": {"url": "https://10.9.0.11", **bmc}}
    text = yaml.safe_dump({"contracts": {"box": contract_hosts.contract(hosts=[row, *rest])}})
    (tmp_path / "contracts.yaml").write_text(text)

    with pytest.raises(KokunaiError) as refusal:
        reading.read(tmp_path, ["contracts.yaml"])

    [line] = refusal.value.en.splitlines()[1:]
    assert f"contracts.box.hosts[0].{place}: " in line
    assert said in line
