"""Chooses the machines of a pool, so that no job leaves its NVLink domain without being told.

At rack scale a domain is a rack: the GPUs of its trays reach each other over NVLink, those of
another rack only over the much slower fabric. How large a domain is says the shape of the offer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from kokunai import catalog, model
from kokunai.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_CONTRACT = "contract"


class Shape(Protocol):
    """What a row of the catalogue says of a server."""

    @property
    def gpu_count(self) -> int:
        """GPUs of one server."""

    @property
    def nvlink_domain_gpus(self) -> int | None:
        """GPUs that reach each other over NVLink; None where nothing is known of it."""


class Machine(Protocol):
    """A host of a contract; `rack` and `tray` are its place at rack scale."""

    @property
    def name(self) -> str: ...
    @property
    def rack(self) -> str | None: ...
    @property
    def tray(self) -> int | None: ...


_Machine = TypeVar("_Machine", bound=Machine)


@dataclass(frozen=True)
class NodeShape:
    """A shape where the catalogue has no row for it."""

    gpu_count: int
    nvlink_domain_gpus: int | None = None


@dataclass(frozen=True)
class Placed(Generic[_Machine]):
    """The machine of one node of the pool."""

    number: int
    """Node names end in it."""
    host: _Machine
    domain: str | None
    """The rack; None where each server is a domain of its own."""


@dataclass(frozen=True)
class Domain:
    """A rack with what the pool has of it."""

    rack: str
    trays: tuple[int, ...]
    """Trays of the pool."""
    missing: tuple[int, ...]
    """Trays that the contract does not list although the rack has them."""


@dataclass(frozen=True)
class Placement(Generic[_Machine]):
    """The machines of a pool by number; none where there are problems."""

    nodes: tuple[Placed[_Machine], ...] = ()
    problems: tuple[Problem, ...] = ()
    """Paths start at the pool."""
    warnings: tuple[Problem, ...] = ()
    domains: tuple[Domain, ...] = ()


def shape_of(offer: catalog.Offer) -> Shape:
    """What a server of the offer holds: the row of its shape, else what its terms say."""
    if row := catalog.shapes().get(offer.shape or ""):
        return row
    gpus = offer.terms.get("nvlink_domain_gpus")
    return NodeShape(offer.gpu_count, gpus if isinstance(gpus, int) and gpus > 0 else None)


def domain_nodes(shape: Shape) -> int | None:
    """Servers of one NVLink domain; None where domains do not consist of whole servers."""
    gpus = shape.nvlink_domain_gpus
    return gpus // shape.gpu_count if gpus and gpus % shape.gpu_count == 0 else None


def asked_by(pool: model.GpuNodePool) -> str:
    """The key by which the pool says how large it is."""
    keys = ("nvlink_domains", "gpus")
    return next((key for key in keys if getattr(pool, key) is not None), "node_count")


def node_count(pool: model.GpuNodePool, shape: Shape) -> int:
    """Servers of a pool, rounded up where `size_problem` refuses it."""
    if pool.gpus is not None:
        return -(-pool.gpus // shape.gpu_count)
    if pool.nvlink_domains is not None:
        return pool.nvlink_domains * (domain_nodes(shape) or 0)
    return pool.node_count or 0


def size_problem(pool: model.GpuNodePool, shape: Shape) -> Problem | None:
    """Why servers of this shape cannot make up the pool."""
    asked, count = asked_by(pool), node_count(pool, shape)
    if pool.nvlink_domains is not None and domain_nodes(shape) is None:
        return Problem(
            asked,
            "この販売には NVLink ドメインの大きさが登録されていません。node_count か gpus で"
            "指定してください",
            "the catalogue knows no NVLink domain of whole servers for this offer; "
            "ask by node_count or gpus",
        )
    if pool.gpus is not None and pool.gpus % shape.gpu_count:
        low, high = pool.gpus - pool.gpus % shape.gpu_count, count * shape.gpu_count
        return Problem(
            asked,
            f"1 台の GPU は {shape.gpu_count} 枚なので {pool.gpus} 枚にはできません。"
            f"近い数: {low}、{high}",
            f"a server has {shape.gpu_count} GPUs, so {pool.gpus} are not possible; "
            f"nearest: {low}, {high}",
        )
    if count > model.MOST_NODES:
        return Problem(
            asked,
            f"{count} 台になります。1 つのプールは {model.MOST_NODES} 台以下にしてください",
            f"makes {count} servers; a pool has at most {model.MOST_NODES}",
        )
    return None


def place(
    pool: model.GpuNodePool,
    hosts: Sequence[_Machine],
    shape: Shape,
    taken: Collection[str] = (),
) -> Placement[_Machine]:
    """Choose among the hosts of a contract; `taken` names those that other pools have.

    Numbers go by rack, then tray. A replaced tray keeps its number, and a spare takes that of a
    missing one, so that the other nodes keep theirs.
    """
    if refused := size_problem(pool, shape):
        return Placement(problems=(refused,))
    size = domain_nodes(shape) or 1
    if size == 1:
        return _in_given_order(pool, [host for host in hosts if host.name not in taken], shape)
    if found := tuple(_misplaced(hosts, size)):
        return Placement(problems=found)
    racks = _racks(hosts, size, taken)
    if refused := _unavailable(pool, racks, node_count(pool, shape)):
        return Placement(problems=(refused,))
    return _across(pool, racks, node_count(pool, shape), size)


def _in_given_order(
    pool: model.GpuNodePool, free: Sequence[_Machine], shape: Shape
) -> Placement[_Machine]:
    """Each server is a domain of its own, so any will do."""
    count = node_count(pool, shape)
    if count > len(free):
        return Placement(problems=(_too_few(pool, count, len(free), []),))
    return Placement(tuple(Placed(at, host, None) for at, host in enumerate(free[:count])))


def _misplaced(hosts: Iterable[Machine], size: int) -> Iterator[Problem]:
    """Hosts without a place, two in one place, and more in a rack than it holds."""
    holders: dict[tuple[str, int], str] = {}
    in_rack: dict[str, int] = defaultdict(int)
    for host in hosts:
        if host.rack is None or host.tray is None:
            yield Problem(
                _CONTRACT,
                f"ホスト {host.name} に rack と tray がありません。ラック単位の販売では必須です",
                f"host {host.name} needs rack and tray, for this is sold at rack scale",
            )
            continue
        first = holders.setdefault((host.rack, host.tray), host.name)
        if first != host.name:
            yield Problem(
                _CONTRACT,
                f"ラック {host.rack} のトレイ {host.tray} が 2 台あります: {first}、{host.name}",
                f"two hosts are in tray {host.tray} of rack {host.rack}: {first}, {host.name}",
            )
        in_rack[host.rack] += 1
    for rack, count in in_rack.items():
        if count > size:
            yield Problem(
                _CONTRACT,
                f"ラック {rack} に {count} 台ありますが、1 ラックは {size} 台までです",
                f"rack {rack} has {count} hosts, but a rack holds {size}",
            )


@dataclass(frozen=True)
class _Rack(Generic[_Machine]):
    """A rack with its hosts by tray."""

    name: str
    size: int
    hosts: Mapping[int, _Machine]
    slots: tuple[int, ...]
    """Trays as far as known, missing ones among them, without those that other pools have."""
    taken: frozenset[int]

    @property
    def free(self) -> tuple[int, ...]:
        return tuple(tray for tray in self.slots if tray in self.hosts)

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(tray for tray in self.slots if tray not in self.hosts)

    def trays(self, count: int) -> tuple[int, ...]:
        """`count` free trays by number: each in its own place, spares in those of missing ones.

        Spares come from the end of the rack, so that a pool that grows reaches them last.
        """
        ideal, rest = self.slots[:count], self.slots[count:]
        free = (tray for tray in reversed(rest) if tray in self.hosts)
        return tuple(tray if tray in self.hosts else next(free) for tray in ideal)


def _racks(hosts: Sequence[_Machine], size: int, taken: Collection[str]) -> list[_Rack[_Machine]]:
    """The racks in the order of their names, numbers in them by value: `r2` before `r10`."""
    by_rack: dict[str, dict[int, _Machine]] = defaultdict(dict)
    for host in hosts:
        if host.rack is not None and host.tray is not None:
            by_rack[host.rack][host.tray] = host
    all_trays = _numbering({tray for trays in by_rack.values() for tray in trays}, size)
    made = []
    for name in sorted(by_rack, key=_natural):
        trays = by_rack[name]
        # Where half or less is listed, single trays were bought and none of them is missing.
        is_whole = 2 * len(trays) > size
        known = all_trays if is_whole and all_trays else sorted(trays)
        others = frozenset(tray for tray, host in trays.items() if host.name in taken)
        slots = tuple(tray for tray in known if tray not in others)
        made.append(_Rack(name, size, trays, slots, others))
    return made


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
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


def _unavailable(
    pool: model.GpuNodePool, racks: Sequence[_Rack[_Machine]], count: int
) -> Problem | None:
    """Why the contract cannot give the pool what it asks for."""
    if pool.nvlink_domains is not None:
        whole = sum(len(rack.free) == rack.size for rack in racks)
        return _too_few_domains(pool, whole, racks) if whole < pool.nvlink_domains else None
    free = sum(len(rack.free) for rack in racks)
    return _too_few(pool, count, free, racks) if free < count else None


def _too_few_domains(
    pool: model.GpuNodePool, whole: int, racks: Sequence[_Rack[_Machine]]
) -> Problem:
    broken = [rack for rack in racks if len(rack.free) < rack.size]
    ja = "".join(f"。{_incomplete(rack)[0]}" for rack in broken)
    en = "".join(f"; {_incomplete(rack)[1]}" for rack in broken)
    return Problem(
        "nvlink_domains",
        f"{pool.nvlink_domains} ドメインの指定ですが、すべてのトレイが使えるラックは {whole} です"
        f"{ja}",
        f"asks for {pool.nvlink_domains} domain(s), but {whole} rack(s) have all their trays "
        f"free{en}",
    )


def _incomplete(rack: _Rack[_Machine]) -> tuple[str, str]:
    """What of a rack is not there or not free, in both languages."""
    ja = f"ラック {rack.name} は {rack.size} 台中 {len(rack.free)} 台"
    en = f"rack {rack.name} has {len(rack.free)} of {rack.size}"
    if rack.missing:
        ja += f"、ないトレイ: {numbers(rack.missing)}"
        en += f", missing tray(s) {numbers(rack.missing)}"
    elif len(rack.hosts) < rack.size:
        ja += f"、あるトレイ: {numbers(rack.hosts)}"
        en += f", listed tray(s) {numbers(rack.hosts)}"
    if rack.taken:
        ja += f"、別のプールのトレイ: {numbers(rack.taken)}"
        en += f", tray(s) of other pools {numbers(rack.taken)}"
    return ja, en


def _too_few(
    pool: model.GpuNodePool, count: int, free: int, racks: Sequence[_Rack[_Machine]]
) -> Problem:
    lacking = [rack for rack in racks if rack.missing]
    ja = "".join(f"。{_incomplete(rack)[0]}" for rack in lacking)
    en = "".join(f"; {_incomplete(rack)[1]}" for rack in lacking)
    return Problem(
        asked_by(pool),
        f"{count} 台の指定ですが、契約のホストで空いているのは {free} 台です{ja}",
        f"asks for {count} server(s), but the contract has {free} host(s) free{en}",
    )


def _across(
    pool: model.GpuNodePool, racks: Sequence[_Rack[_Machine]], count: int, size: int
) -> Placement[_Machine]:
    if pool.nvlink_domains is not None:
        racks = [rack for rack in racks if len(rack.free) == size]
    shares = _shares([len(rack.free) for rack in racks], count)
    chosen = [(rack, rack.trays(share)) for rack, share in zip(racks, shares, strict=True) if share]
    places = [(rack, tray) for rack, trays in chosen for tray in trays]
    domains = tuple(Domain(rack.name, tuple(sorted(t)), rack.missing) for rack, t in chosen)
    return Placement(
        nodes=tuple(
            Placed(number, rack.hosts[tray], rack.name)
            for number, (rack, tray) in enumerate(places)
        ),
        warnings=tuple(_warnings(pool, domains)),
        domains=domains,
    )


def _shares(free: Sequence[int], wanted: int) -> list[int]:
    """How many nodes each rack gives: as few racks as possible, the first that holds the rest."""
    given = [0] * len(free)
    while wanted:
        left = [0 if given[at] else count for at, count in enumerate(free)]
        fitting = (at for at, count in enumerate(left) if count >= wanted)
        at = next(fitting, left.index(max(left)))
        given[at] = min(left[at], wanted)
        wanted -= given[at]
    return given


def _warnings(pool: model.GpuNodePool, domains: Sequence[Domain]) -> Iterator[Problem]:
    if len(domains) > 1 and pool.nvlink_domains is None:
        ja = "、".join(f"{one.rack}（トレイ {numbers(one.trays)}）" for one in domains)
        en = ", ".join(f"{one.rack} (trays {numbers(one.trays)})" for one in domains)
        yield Problem(
            asked_by(pool),
            f"{len(domains)} つの NVLink ドメインにまたがります: {ja}",
            f"spans {len(domains)} NVLink domains: {en}",
        )
    for one in domains:
        if one.missing:
            yield Problem(
                _CONTRACT,
                f"ラック {one.rack} のトレイ {numbers(one.missing)} が契約にありません",
                f"tray(s) {numbers(one.missing)} of rack {one.rack} are not in the contract",
            )


def numbers(trays: Iterable[int]) -> str:
    """`1-6, 8` for 1, 2, 3, 4, 5, 6 and 8."""
    runs: list[list[int]] = []
    for tray in sorted(trays):
        if runs and tray == runs[-1][-1] + 1:
            runs[-1].append(tray)
        else:
            runs.append([tray])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
