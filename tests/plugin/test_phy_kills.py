"""A dedicated server converges whatever call a run was killed after; nobody else loses any data."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from kokunai.errors import KokunaiError
from kokunai.plugin.kind import InitFailed, Transition
from kokunai.plugin.sakura.dedicated import mark as marks
from support import phy_account, virtual_time
from support.phy_kind import kind, operation

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from pathlib import Path

    from support.phy_account import Account

FIRST = "100000000201"
"""The first H200 server under contract in the emulator."""


class Killed(Exception):
    """Stands for the end of the process."""


def killer(account: Account, number: int) -> None:
    """Kill the run after the effect of its n-th call, before it learns of it."""
    left = [number]

    def look(_: httpx.Request) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    account.after.append(look)


async def create(account: Account, **changed: Any) -> Any:
    return await kind(account.fleet()).create(
        operation(), Transition(new=phy_account.inputs(**changed))
    )


@pytest.mark.parametrize("number", range(1, 14))
def test_a_create_that_was_killed_anywhere_is_finished_by_the_next_one(
    tmp_path: Path, number: int
) -> None:
    account = phy_account.opened(tmp_path / "phy")

    async def twice() -> Any:
        killer(account, number)
        try:
            await create(account)
        except (Killed, InitFailed):
            account.after.clear()
        return await create(account)

    created = virtual_time.run(twice())

    used = [doc for doc in account.store.all("phy_server") if doc["description"]]
    assert [doc["id"] for doc in used] == [created.id] == [FIRST]
    assert (used[0]["power"], used[0]["lock"], used[0]["bonding"]) == ("on", None, "lacp")
    assert [port["internet_type"] for port in used[0]["ports"]] == ["common_subnet"]
    assert created.outputs["installation"] == "done"
    # Only a kill between the end of an installation and its note makes a second one.
    assert len(account.made("os_install")) <= 2
    assert len(account.made("configure_bonding")) == 1


def test_a_preview_names_the_server_that_a_create_then_adopts(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    op = operation()
    op.preview = True

    virtual_time.run(kind_preview(account, op))

    [told] = op.infos
    assert FIRST in told
    assert "ディスクの内容は消えます" in told


async def kind_preview(account: Account, op: Any) -> Any:
    return await kind(account.fleet()).preview(op, Transition(new=phy_account.inputs()))


@pytest.mark.parametrize("number", range(1, 10))
def test_a_release_that_was_killed_anywhere_is_finished_by_the_next_one(
    tmp_path: Path, number: int
) -> None:
    account = phy_account.opened(tmp_path / "phy")
    account.change(FIRST, description="買った日: 10 月 1 日")

    async def journey() -> None:
        created = await create(account)
        gone = Transition(created.id, created.outputs, phy_account.inputs())
        killer(account, number)
        try:
            await kind(account.fleet()).delete(operation(), gone)
        except Killed:
            account.after.clear()
            await kind(account.fleet()).delete(operation(), gone)

    virtual_time.run(journey())

    doc = account.server(FIRST)
    assert (doc["power"], doc["description"]) == ("off", "買った日: 10 月 1 日")
    assert [port["internet_type"] for port in doc["ports"]] == [None]


def test_an_installation_whose_answer_was_lost_is_not_begun_twice(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    lost = [1]

    def look(request: httpx.Request) -> None:
        if request.url.path.endswith("/os_install/") and lost:
            lost.pop()
            raise httpx.ReadError("the connection is gone")

    account.after.append(look)

    virtual_time.run(create(account))

    assert len(account.made("os_install")) == 1


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy", install_seconds=10.0)
    account.change(FIRST, lock="configure_raid")

    async def unlocked_later() -> Any:
        loop = asyncio.get_running_loop()
        loop.call_later(600, lambda: account.change(FIRST, lock=None))
        op = operation()
        made = await kind(account.fleet()).create(op, Transition(new=phy_account.inputs()))
        return loop.time(), made, op

    ended, created, op = virtual_time.run(unlocked_later())

    assert ended > 600
    assert created.outputs["installation"] == "done"
    assert any("configure_raid" in text for text in op.statuses)


def test_a_lock_of_the_sellers_own_work_ends_the_wait_with_its_name(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    account.change(FIRST, lock="administrative_lock")

    with pytest.raises(InitFailed, match="administrative_lock") as failure:
        virtual_time.run(create(account))

    assert failure.value.id == FIRST
    assert account.made("os_install") == []


def test_two_stacks_that_choose_at_once_end_with_two_servers(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")

    async def both() -> list[Any]:
        one = kind(account.fleet()).create(operation(1), Transition(new=phy_account.inputs()))
        other_op = operation(2, owner="ffffffffffffffff")
        other = kind(account.fleet()).create(
            other_op, Transition(new=phy_account.inputs(owner="ffffffffffffffff"))
        )
        return list(await asyncio.gather(one, other))

    created = virtual_time.run(both())

    assert {row.id for row in created} == {FIRST, "100000000202"}
    assert len(account.made("os_install")) == 2


def test_what_another_owner_uses_is_never_taken(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    virtual_time.run(create(account))
    calls = len(account.calls)
    other = operation(7, owner="ffffffffffffffff")
    new = phy_account.inputs(serviceId=FIRST, owner="ffffffffffffffff")

    with pytest.raises(KokunaiError, match=FIRST):
        virtual_time.run(kind_create(account, other, new))

    assert all(call.method == "GET" for call in account.calls[calls:])


async def kind_create(account: Account, op: Any, new: dict[str, Any]) -> Any:
    return await kind(account.fleet()).create(op, Transition(new=new))


def test_a_server_without_the_tag_is_not_taken(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    for number in range(1, 5):
        account.change(f"10000000020{number}", tags=["production"])

    with pytest.raises(KokunaiError) as refusal:
        virtual_time.run(create(account))

    assert "タグのない同じモデルは 4 台" in str(refusal.value)
    assert {call.method for call in account.calls} == {"GET"}


def test_too_few_free_servers_are_told_in_a_preview(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")

    async def previews() -> list[str]:
        made, told = kind(account.fleet()), []
        for number in range(5):
            op = operation(number)
            op.preview = True
            await made.preview(op, Transition(new=phy_account.inputs()))
            told += op.infos
        return told

    with pytest.raises(KokunaiError, match="空いている専用サーバーが足りません"):
        virtual_time.run(previews())

    assert {call.method for call in account.calls} == {"GET"}
    assert len(account.calls) <= 4


def test_a_server_that_others_name_is_not_taken_by_model(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")

    created = virtual_time.run(create(account, exceptServices=[FIRST]))

    assert created.id == "100000000202"


def test_a_preview_refuses_one_server_for_two(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")

    async def previews() -> None:
        made = kind(account.fleet())
        for number, named in enumerate(({}, {"serviceId": FIRST, "model": "", "tag": ""})):
            op = operation(number)
            op.preview = True
            await made.preview(op, Transition(new=phy_account.inputs(**named)))

    with pytest.raises(KokunaiError, match=f"the service {FIRST} of node-1 is chosen by another"):
        virtual_time.run(previews())


def test_a_server_that_runs_is_not_taken_unless_it_is_named(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    account.change(FIRST, disk_id="114000000001", power="on", wanted="on")

    created = virtual_time.run(create(account))

    assert created.id == "100000000202"
    assert account.server(FIRST)["disk_id"] == "114000000001"


def test_a_mark_that_somebody_removed_is_written_again_and_nothing_is_installed(
    tmp_path: Path,
) -> None:
    account = phy_account.opened(tmp_path / "phy")

    async def journey() -> Any:
        created = await create(account)
        account.change(created.id, description="edited by hand")
        gone_on = Transition(created.id, created.outputs, phy_account.inputs())
        found = await kind(account.fleet()).read(operation(), gone_on)
        made = kind(account.fleet())
        new = phy_account.inputs()
        changes = made.diff(Transition(created.id, found.outputs, found.inputs, new))
        await made.update(operation(), Transition(created.id, found.outputs, found.inputs, new))
        again = await kind(account.fleet()).read(operation(), gone_on)
        return created, found, changes, again

    created, found, changes, again = virtual_time.run(journey())

    assert [change.path for change in changes] == ["installation"]
    assert found.outputs["hostIdentity"] == created.outputs["hostIdentity"]
    assert again.outputs["hostIdentity"] == created.outputs["hostIdentity"]
    assert again.outputs["installation"] == "done"
    assert len(account.made("os_install")) == 1
    assert account.server(FIRST)["description"].startswith("edited by hand [kokunai-")


def test_a_server_is_kept_as_it_is_without_reinstall(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    account.change(FIRST, disk_id="114000000001", power="on", wanted="on")
    new = {"serviceId": FIRST, "reinstall": False, "osImage": "", "sshPublicKeys": []}

    created = virtual_time.run(create(account, **new))

    assert account.made("os_install") == []
    assert account.server(FIRST)["disk_id"] == "114000000001"
    assert created.outputs["installation"] == "none"


def test_the_mark_keeps_the_users_own_text_and_says_when_there_is_no_room(tmp_path: Path) -> None:
    account = phy_account.opened(tmp_path / "phy")
    account.change(FIRST, description="x" * 900)

    with pytest.raises(KokunaiError, match="文字以上短く"):
        virtual_time.run(create(account))

    assert {call.method for call in account.calls} == {"GET"}
    assert marks.PREFIX not in account.server(FIRST)["description"]
