"""Contracts for capacity that is ordered by form or mail: their file, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from kokunai.contracts.rows import BEFORE_DELIVERY, Host, Row, Slurm

if TYPE_CHECKING:
    from kokunai.contracts.rows import HandedNetwork, HandedShare

__all__ = ["Contract", "Host", "Row", "Slurm", "Standing", "today"]

Standing = Literal["applied", "awaiting", "delivered", "returning", "returned", "expired"]
_JAPAN = timezone(timedelta(hours=9), "JST")


def today() -> date:
    """The date in Japan, in which contracts are written."""
    return datetime.now(_JAPAN).date()


@dataclass(frozen=True)
class Contract:
    """One contract as it stands on a day."""

    key: str
    row: Row
    file: str
    """Where it was read, as the stack names the file."""
    on: date

    @property
    def standing(self) -> Standing:
        """The state that is written, or `expired` once the last paid day is over."""
        paid = self.row.paid_until
        if self.row.state != "returned" and paid is not None and paid < self.on:
            return "expired"
        return self.row.state

    @property
    def is_in_use(self) -> bool:
        """Whether its hosts, networks and shares are there for us."""
        return self.standing in {"delivered", "returning"}

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The machines that are there, in the order of the file; none before the delivery."""
        return tuple(self.row.hosts) if self.is_in_use else ()

    def network(self, name: str) -> HandedNetwork | None:
        """The network of this name."""
        return self.row.networks.get(name)

    def share(self, name: str) -> HandedShare | None:
        """The share of this name."""
        return self.row.shares.get(name)

    def outputs(self) -> dict[str, Any]:
        """What a stack says of the contract, as plain values."""
        row = self.row
        price = row.price.model_dump(exclude_none=True) if row.price else None
        said = {
            "contract": self.key,
            "state": self.standing,
            "offer": row.offer,
            "applied_on": row.applied_on and row.applied_on.isoformat(),
            "delivered_on": row.delivered_on and row.delivered_on.isoformat(),
            "paid_until": row.paid_until and row.paid_until.isoformat(),
            "price": price or None,
            "slurm": self._slurm(),
        }
        return {key: value for key, value in said.items() if value is not None}

    def _slurm(self) -> dict[str, Any] | None:
        """How one gets onto the cluster, and that nothing on it is configured from here."""
        slurm, login = self.row.slurm, next(iter(self.hosts), None)
        if slurm is None or login is None:
            return None
        return {
            "login": f"{self.row.user}@{login.address}",
            "port": login.port,
            "partition": slurm.partition,
            **({"account": slurm.account} if slurm.account else {}),
            "configured_by_ansible": False,
        }

    def notice(self, what: str) -> tuple[str, str, bool] | None:
        """What a person is told of `what`, Japanese and English, and whether it is a warning.

        None where there is nothing to tell.
        """
        said = _notice(self, what)
        return None if said is None else (*said, self.standing in {"returning", "expired"})


def _notice(contract: Contract, what: str) -> tuple[str, str] | None:
    row, key, standing = contract.row, contract.key, contract.standing
    if standing in BEFORE_DELIVERY:
        stages = {"applied": ("申し込み済み", "applied for"), "awaiting": ("納品待ち", "awaited")}
        ja, en = stages[standing]
        ja = (
            f"{what}: 契約 {key}（{row.offer}）は{ja}です（申し込み日 {row.applied_on}）。"
            f"納品までは何も作りません"
        )
        en = (
            f"{what}: contract {key} ({row.offer}) is {en}, applied for on {row.applied_on}; "
            f"nothing is declared until it is delivered"
        )
        return ja, en
    texts = {
        "returning": (
            f"返却手続き中です（{row.paid_until} まで利用できます）。データを移してください",
            f"is being returned (paid until {row.paid_until}); move your data away",
        ),
        "expired": (
            f"{row.paid_until} で終わりました。ホストには触れず、管理から外します",
            f"ended on {row.paid_until}; its hosts are forgotten, and nothing on them is touched",
        ),
        "returned": (
            f"返却済み（{row.paid_until or row.delivered_on}）です。管理から外します",
            f"is returned ({row.paid_until or row.delivered_on}), so it is forgotten",
        ),
    }
    if standing not in texts:
        return None
    ja, en = texts[standing]
    return f"{what}: 契約 {key} は {ja}", f"{what}: contract {key} {en}"
