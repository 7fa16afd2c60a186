"""Contracts for capacity that is ordered by form or mail: their file, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from kokunai import catalog
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
    def is_kept(self) -> bool:
        """Whether machines of an account stay as they are.

        An end that only this file tells may be a renewal that nobody has written down yet.
        """
        return self.is_in_use or self.standing == "expired"

    @property
    def offer(self) -> catalog.Offer | None:
        """What was ordered; None where the catalogue has no such row."""
        return next((row for row in catalog.offers() if row.key == self.row.offer), None)

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
    texts = _ends(row) | (_ends_of_servers(row) if _has_servers(contract) else {})
    if standing not in texts:
        return None
    ja, en = texts[standing]
    return f"{what}: 契約 {key} は {ja}", f"{what}: contract {key} {en}"


def _has_servers(contract: Contract) -> bool:
    """Whether its machines are resources of an account, and not just hosts."""
    return contract.offer is not None and contract.offer.driver == "sakura-phy"


def _ends(row: Row) -> dict[str, tuple[str, str]]:
    """What happens at each stage of an end to hosts, which are only known and not had."""
    return {
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


def _ends_of_servers(row: Row) -> dict[str, tuple[str, str]]:
    """The same where letting go of a server changes it in the account."""
    expired_ja = (
        f"{row.paid_until} で終わりました。サーバーはそのまま残し、設定は行いません。更新した"
        "場合は paid_until を、返却した場合は state を returned に書き換えてください"
    )
    expired_en = (
        f"ended on {row.paid_until}; its servers are left as they are and are not configured. "
        "Correct paid_until where it was renewed, or write state: returned once they are given back"
    )
    last = row.paid_until or row.delivered_on
    returned_ja = (
        f"返却済み（{last}）です。アカウントに残るサーバーは、電源を切り、ネットワークから"
        "外し、印を消します"
    )
    returned_en = (
        f"is returned ({last}); a server that the account still has is switched off, cut from its "
        "networks, and loses our mark"
    )
    return {"expired": (expired_ja, expired_en), "returned": (returned_ja, returned_en)}
