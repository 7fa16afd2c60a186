"""Which operations share a connection and its pace."""

from __future__ import annotations

from typing import Any

import pytest

from kokunai.errors import KokunaiError
from kokunai.plugin.kind import Transition
from kokunai.plugin.sakura.accounts import Accounts
from kokunai.plugin.sakura.switch import Switch
from support.operation import Operation

CONFIG: dict[str, Any] = {
    "sakuraApiRootUrl": "http://127.0.0.1:9",
    "sakuraAccessToken": "token",
    "sakuraAccessTokenSecret": "secret",
    "sakuraCallsPerSecond": 10.0,
}


async def test_all_operations_of_one_account_share_its_pace() -> None:
    accounts = Accounts()

    first, second = accounts.of(CONFIG), accounts.of(dict(CONFIG))
    other = accounts.of({**CONFIG, "sakuraAccessToken": "another"})
    await accounts.close()

    assert first is second
    assert first is not other


async def test_an_account_without_its_secret_is_refused_with_where_it_may_come_from() -> None:
    with pytest.raises(KokunaiError, match="SAKURA_ACCESS_TOKEN_SECRET"):
        Accounts().of({**CONFIG, "sakuraAccessTokenSecret": ""})


async def test_a_preview_without_a_key_says_it_once_and_not_for_each_resource() -> None:
    switch, op = Switch(Accounts()), Operation(preview=True, config={})

    for _ in range(3):
        await switch.preview(op, Transition("", {}, {}, {"zone": "is1a", "name": "net"}))  # type: ignore[arg-type]

    assert len(op.warnings) == 1
    assert "SAKURA_ACCESS_TOKEN" in op.warnings[0]
