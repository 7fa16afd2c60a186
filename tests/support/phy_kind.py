"""The kind of dedicated servers on an account of a test, and what the server would give it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai.plugin.kind import mark_of
from kokunai.plugin.sakura.dedicated.kind import DedicatedServer
from support.operation import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.plugin.sakura.dedicated.fleet import Fleet

OWNER = "00112233445566aa"
DAY = 86_400.0


class Accounts:
    """One account, with credentials."""

    told_missing = False

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.cloud = self

    def of(self, _config: Any) -> Fleet:
        return self._fleet

    @staticmethod
    def can_open(_config: Mapping[str, Any]) -> bool:
        return True


def kind(fleet: Fleet) -> DedicatedServer:
    accounts: Any = Accounts(fleet)
    return DedicatedServer(accounts)


def operation(number: int = 0, owner: str = OWNER) -> Operation:
    place = f"kokunai-{number:016x}"
    return NamedOperation(
        name=f"node-{number}",
        place=place,
        owner=owner,
        digest=mark_of(place, owner),
        seconds=DAY,
    )


class NamedOperation(Operation):
    """With a URN of its own."""

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::kokunai::kokunai:sakura:DedicatedServer::{self.name}"
