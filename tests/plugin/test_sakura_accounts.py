"""Which operations share a connection and its pace."""

from __future__ import annotations

from typing import Any

import pytest

from kokunai.errors import KokunaiError
from kokunai.plugin.sakura.accounts import Accounts

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
