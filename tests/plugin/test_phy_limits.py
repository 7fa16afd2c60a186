"""A pool of 100 dedicated servers keeps the API's limits, on a clock that takes no real time."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kokunai.plugin.kind import Transition
from support import phy_account, virtual_time
from support.phy_kind import kind, operation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from kokunai.plugin.sakura.dedicated.kind import DedicatedServer

pytestmark = pytest.mark.slow


def create(made: DedicatedServer, number: int) -> Any:
    new = phy_account.inputs(name=f"n{number}")
    return made.create(operation(number), Transition(new=new))


def busiest(moments: Iterable[float], seconds: float) -> int:
    """The most calls in any stretch of so many seconds."""
    given = sorted(moments)
    return max(sum(one <= other < one + seconds for other in given) for one in given)


def test_a_pool_of_100_becomes_nodes_within_the_limits(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy", more_h200=100, install_seconds=600.0)

    async def pool() -> list[Any]:
        made = kind(account.fleet())
        return await asyncio.gather(
            *(
                made.create(
                    operation(number), Transition(new=phy_account.inputs(name=f"n{number}"))
                )
                for number in range(100)
            )
        )

    created = virtual_time.run(pool())

    assert len({row.id for row in created}) == 100
    assert all(row.outputs["powerStatus"] == "on" and row.outputs["address"] for row in created)
    assert busiest([call.at for call in account.calls], 3600.0) <= 300
    changes = defaultdict(list)
    for call in account.calls:
        changes[call.changes_network_of].append(call.at)
    del changes[""]
    assert len(changes) == 100
    assert max(busiest(moments, 300.0) for moments in changes.values()) <= 5
    # What each server costs, lists shared by all included: the hours that a pool takes.
    assert len(account.calls) < 10 * 100
    assert Counter(call.method for call in account.made("os_install")) == {"POST": 100}


def test_a_server_whose_networks_change_often_waits_for_its_own_limit(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")

    async def changes() -> None:
        made, op = kind(account.fleet()), operation()
        new = phy_account.inputs(bonding="single")
        created = await made.create(op, Transition(new=new))
        state, old = created.outputs, new
        for bonding in ("lacp", "single", "static"):
            new = {**new, "bonding": bonding}
            state = await made.update(op, Transition(created.id, state, old, new))
            old = new

    virtual_time.run(changes())

    moments = [call.at for call in account.calls if call.changes_network_of]
    assert len(moments) > 5
    assert busiest(moments, 300.0) <= 5


def test_a_429_holds_every_call_back_for_as_long_as_the_api_asks(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    refusals = [httpx.Response(429, headers={"Retry-After": "1800"}, json={"title": "throttled"})]
    account.before.append(
        lambda request: refusals.pop() if request.method == "PATCH" and refusals else None
    )

    async def two() -> None:
        made = kind(account.fleet())
        news = [phy_account.inputs(name=f"n{number}") for number in range(2)]
        await asyncio.gather(
            *(
                made.create(operation(number), Transition(new=new))
                for number, new in enumerate(news)
            )
        )

    virtual_time.run(two())

    [refused] = [call.at for call in account.calls if call.refused]
    later = [call.at for call in account.calls if call.at > refused]
    assert min(later) >= refused + 1800
