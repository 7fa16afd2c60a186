"""Compares what held data with what will hold it: losses, and addresses that are still in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kokunai.plugin.kind import Held, Holding, Transition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai.plugin.kind import Change, Kind, Props

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Loss:
    """A resource whose data goes: it is deleted, or made anew or erased by `replacing`."""

    name: str
    pool: str | None
    held: Held
    replacing: tuple[Change, ...] = ()
    is_protected: bool = False
    pool_stays: bool = False
    """Whether the pool only shrinks."""

    @property
    def permission(self) -> str:
        """The name under which the loss is asked for."""
        return self.pool or self.name

    def is_allowed(self, names: frozenset[str]) -> bool:
        """Whether the resource or its pool is named."""
        return bool({self.name, self.pool} & names)


@dataclass(frozen=True)
class Clash:
    """An address that `taker` is to get while `holder` still has it."""

    address: str
    holder: str
    taker: str


def losses(kinds: Mapping[str, Kind], old: Rows, new: Rows) -> Iterator[Loss]:
    """Everything whose data would go."""
    later = successors(old, new)
    pools = {row.get("pool") for row in new} - {None}
    for index, row in enumerate(old):
        kind, after = kinds.get(row["type"]), later.get(index)
        changes = _replacing(kind, row["inputs"], after["inputs"]) if kind and after else ()
        if after is None or changes:
            yield Loss(
                name=row["name"],
                pool=row.get("pool"),
                held=_held(kind, row["inputs"]),
                replacing=changes,
                is_protected=bool(row.get("protected")),
                pool_stays=row.get("pool") in pools,
            )


def successors(old: Rows, new: Rows) -> dict[int, dict[str, Any]]:
    """By the index of an old row, the new row of the same resource.

    As the engine does it: the own name counts first, then the name before a rename.
    """
    known = {(row["type"], row["name"]): index for index, row in enumerate(old)}
    found: dict[int, dict[str, Any]] = {}
    for row in new:
        index = known.get((row["type"], row["name"]))
        if index is None and "was" in row:
            index = known.get((row["type"], row["was"]))
        if index is not None:
            found.setdefault(index, row)
    return found


def clashes(old: Rows, new: Rows) -> Iterator[Clash]:
    """Addresses that pass from one resource to another within one run, in no certain order.

    Nodes of one pool are configured together, so they may move up.
    """
    later = successors(old, new)
    holders: dict[tuple[Any, Any], list[int]] = {}
    for index, before in enumerate(old):
        holders.setdefault((before.get("network"), before.get("address")), []).append(index)
    for row in new:
        networks = dict.fromkeys((row.get("network"), row.get("networkWas")))
        places = [(network, row.get("address")) for network in networks if network is not None]
        for index in [index for place in places for index in holders.get(place, ())]:
            after = later.get(index, {})
            moves_along = bool(after.get("pool")) and after.get("pool") == row.get("pool")
            if after is not row and not moves_along:
                yield Clash(row["address"], old[index]["name"], row["name"])


def _replacing(kind: Kind, old: Props, new: Props) -> tuple[Change, ...]:
    changes = kind.diff(Transition(old=old, new=new))
    return tuple(change for change in changes if change.replace or change.loses)


def _held(kind: Kind | None, inputs: Props) -> Held:
    return kind.held(inputs) if isinstance(kind, Holding) else Held(0, "リソース", "resource")
