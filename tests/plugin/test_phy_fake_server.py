"""The driver and the kind of dedicated servers against Sakura's own fake server, unmodified."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from kokunai.drivers.errors import Conflict, NotFound, Refused
from kokunai.drivers.sakura_phy import SakuraPhy
from kokunai.drivers.sakura_phy_http import SakuraPhyHttp
from kokunai.plugin import waiting
from kokunai.plugin.kind import OWNER, Transition
from kokunai.plugin.sakura.dedicated import fleet, ports, session, work
from kokunai.plugin.sakura.dedicated.fleet import Fleet
from support import phy_fake_server
from support.phy_account import inputs
from support.phy_kind import kind, operation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
FIRST, NETWORK = "100000000001", "300000000001"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[str]:
    with phy_fake_server.serving(tmp_path) as url:
        yield url


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake takes fractions of a second for what takes minutes."""
    monkeypatch.setattr(fleet, "SHORTEST_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(session, "POWER_POLL_SECONDS", 0.05)
    monkeypatch.setattr(work, "LOCK_GRACE_SECONDS", 3.0)
    monkeypatch.setattr(work, "CHOICE_SECONDS", 0.05)
    monkeypatch.setattr(waiting, "_FIRST_WAIT_SECONDS", 0.05)


@asynccontextmanager
async def opened(root: str) -> AsyncIterator[Fleet]:
    api = SakuraPhy(SakuraPhyHttp("token", "secret", root))
    yield Fleet(api)
    await api.close()


async def test_a_server_is_adopted_installed_connected_read_and_released(root: str) -> None:
    new = inputs(privateNetworkIds=[NETWORK])
    async with opened(root) as one:
        made = kind(one)
        created = await made.create(operation(), Transition(new=new))
        servers = await one.api.servers()
        found = await made.read(operation(), Transition(created.id))
        again = await kind(Fleet(one.api)).create(operation(), Transition(new=new))
        gone = Transition(created.id, {**created.outputs, OWNER: operation().digest}, new)
        await made.delete(operation(), gone)
        services = await one.api.services()
        left = await one.api.servers()

    assert created.id == again.id == FIRST
    assert created.outputs["address"] == "192.0.2.11"
    assert (created.outputs["installation"], created.outputs["powerStatus"]) == ("done", "on")
    [port] = servers[FIRST].ports
    assert port.port_id > 9000  # made anew by the bonding, with an id that was not known before
    assert ports.assignment_of(port) == ports.assignments(new)[0]
    assert found is not None
    assert made.diff(Transition(created.id, found.outputs, found.inputs, new)) == []
    assert services[FIRST].description is None
    assert ports.assignment_of(left[FIRST].ports[0]) == ports.NOTHING


async def test_a_lock_of_the_fake_is_a_conflict_and_is_waited_for(root: str) -> None:
    async with opened(root) as one:
        await one.api.install_os(FIRST, "ubuntu2204", "passw0rd1", ["ssh-ed25519 AAAA"])
        op = operation()

        async def locked() -> bool:
            row = await session.PhySession(one, op).server(FIRST, one.clock())
            return row.lock_status == "os_install"

        while not await locked():
            await op.sleep(0.02)
        with pytest.raises(Conflict):
            await one.api.power(FIRST, "on")
        await session.PhySession(one, op).power_on(FIRST)

        assert await one.api.power_status(FIRST) == "on"


async def test_refusals_of_the_fake_are_those_that_the_driver_knows(root: str) -> None:
    async with opened(root) as one:
        with pytest.raises(NotFound):
            await one.api.power_status("999999999999")
        with pytest.raises(Refused) as refused:
            await one.api.assign_network(FIRST, 2001, _assignment("888888888888"))
        with pytest.raises(Refused) as moved:
            await one.api._http.call("POST", f"servers/{FIRST}/power_control", {"operation": "on"})

    assert "888888888888" in str(refused.value)
    assert moved.value.code == "redirect"


def _assignment(network: str) -> dict[str, Any]:
    return {**ports.NOTHING, "mode": "access", "private_network_ids": [network]}
