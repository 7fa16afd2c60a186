"""The racks of a contract: which trays they hold, which are missing, and which a pool gets."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


class Machine(Protocol):
    """A host of a contract; `rack` and `tray` are its place at rack scale."""

    @property
    def name(self) -> str: ...
    @property
    def rack(self) -> str | None: ...
    @property
    def tray(self) -> int | None: ...
    @property
    def node(self) -> int | None:
        """The number of the node that it is to be, whatever else the contract lists."""


MachineType = TypeVar("MachineType", bound=Machine)


@dataclass(frozen=True)
class Rack(Generic[MachineType]):
    """A rack with its hosts by tray."""

    name: str
    size: int
    hosts: Mapping[int, MachineType]
    slots: tuple[int, ...]
    """Trays as far as known, missing ones among them, without those that are taken."""
    taken: frozenset[int]
    """Those of other pools, and those whose `node` is beyond this one."""

    @property
    def free(self) -> tuple[int, ...]:
        return tuple(tray for tray in self.slots if tray in self.hosts)

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(tray for tray in self.slots if tray not in self.hosts)

    @property
    def pinned(self) -> tuple[int, ...]:
        """Free trays whose node is given."""
        return tuple(tray for tray in self.free if self.hosts[tray].node is not None)

    def trays(self, count: int) -> tuple[int, ...]:
        """`count` free trays by number: each in its own place, spares in those of missing ones.

        Spares come from the end of the rack, so that a pool that grows reaches them last. Trays
        whose node is given are among them, in the places of the last others.
        """
        chosen = list(self._unpinned(count))
        for tray in (tray for tray in self.pinned if tray not in chosen):
            last = next(at for at in reversed(range(count)) if chosen[at] not in self.pinned)
            chosen[last] = tray
        return tuple(chosen)

    def _unpinned(self, count: int) -> tuple[int, ...]:
        ideal, rest = self.slots[:count], self.slots[count:]
        free = (tray for tray in reversed(rest) if tray in self.hosts)
        return tuple(tray if tray in self.hosts else next(free) for tray in ideal)


def racks_of(
    hosts: Sequence[MachineType], size: int, taken: Collection[str]
) -> list[Rack[MachineType]]:
    """The racks in the order of their names, numbers in them by value: `r2` before `r10`."""
    by_rack: dict[str, dict[int, MachineType]] = defaultdict(dict)
    for host in hosts:
        if host.rack is not None and host.tray is not None:
            by_rack[host.rack][host.tray] = host
    all_trays = _numbering({tray for trays in by_rack.values() for tray in trays}, size)
    made = []
    for name in sorted(by_rack, key=natural):
        trays = by_rack[name]
        # Where half or less is listed, single trays were bought and none of them is missing.
        is_whole = 2 * len(trays) > size
        known = all_trays if is_whole and all_trays else sorted(trays)
        others = frozenset(tray for tray, host in trays.items() if host.name in taken)
        slots = tuple(tray for tray in known if tray not in others)
        made.append(Rack(name, size, trays, slots, others))
    return made


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """A key of sorting by which `r2` is before `r10`."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(int(part), "") if part[0] in "0123456789" else (0, part) for part in parts], name


def _numbering(seen: Collection[int], size: int) -> tuple[int, ...]:
    """The trays of a whole rack: counted from 1, from 0 where a tray 0 is listed.

    Where trays have other numbers, such as those of their slots, all that are listed of any rack;
    empty where these do not make up a rack.
    """
    start = 0 if 0 in seen else 1
    if all(start <= tray < start + size for tray in seen):
        return tuple(range(start, start + size))
    return tuple(sorted(seen)) if len(seen) == size else ()


def numbers(trays: Iterable[int]) -> str:
    """`1-6, 8` for 1, 2, 3, 4, 5, 6 and 8."""
    runs: list[list[int]] = []
    for tray in sorted(trays):
        if runs and tray == runs[-1][-1] + 1:
            runs[-1].append(tray)
        else:
            runs.append([tray])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
