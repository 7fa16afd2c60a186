"""Chooses the machines of a pool, so that no job leaves its NVLink domain without being told.

At rack scale a domain is a rack: the GPUs of its trays reach each other over NVLink, those of
another rack only over the much slower fabric. How large a domain is says the shape of the offer.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol

from kokunai import catalog, model
from kokunai.errors import Problem
from kokunai.racks import Machine, MachineType, Rack, natural, numbers, racks_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_CONTRACT = "contract"


class Shape(Protocol):
    """What a row of the catalogue says of a server."""

    @property
    def gpu_count(self) -> int:
        """GPUs of one server."""

    @property
    def nvlink_domain_gpus(self) -> int | None:
        """GPUs that reach each other over NVLink; None where nothing is known of it."""


@dataclass(frozen=True)
class NodeShape:
    """A shape where the catalogue has no row for it."""

    gpu_count: int
    nvlink_domain_gpus: int | None = None


@dataclass(frozen=True)
class Placed(Generic[MachineType]):
    """The machine of one node of the pool."""

    number: int
    """Node names end in it."""
    host: MachineType
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
class Placement(Generic[MachineType]):
    """The machines of a pool by number; none where there are problems."""

    nodes: tuple[Placed[MachineType], ...] = ()
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
    hosts: Sequence[MachineType],
    shape: Shape,
    taken: Collection[str] = (),
) -> Placement[MachineType]:
    """Choose among the hosts of a contract; `taken` names those that other pools have.

    Numbers go by rack, then tray, and by name where there are no racks. A replaced tray keeps its
    number, and a spare takes that of a missing one, so that the other nodes keep theirs. A host
    with a `node` has that number, and is left alone where the pool has no such node.
    """
    if refused := size_problem(pool, shape):
        return Placement(problems=(refused,))
    size, count = domain_nodes(shape) or 1, node_count(pool, shape)
    if found := (*_pinned_twice(hosts), *(_misplaced(hosts, size) if size > 1 else ())):
        return Placement(problems=found)
    beyond = {host.name for host in hosts if host.node is not None and host.node >= count}
    taken = {*taken, *beyond}
    if size == 1:
        free = [host for host in hosts if host.name not in taken]
        return _by_name(pool, free, count, beyond)
    racks = racks_of(hosts, size, taken)
    if refused := _unavailable(pool, racks, count):
        return Placement(problems=(refused,))
    return _across(pool, racks, count, size)


def _by_name(
    pool: model.GpuNodePool, free: Sequence[MachineType], count: int, beyond: Collection[str]
) -> Placement[MachineType]:
    """Each server is a domain of its own, so any will do."""
    if count > len(free):
        return Placement(problems=(_too_few(pool, count, len(free), [], beyond),))
    ordered = sorted(free, key=lambda host: (host.node is None, natural(host.name)))[:count]
    numbered = _numbered(ordered)
    return Placement(tuple(Placed(at, host, None) for at, host in sorted(numbered.items())))


def _numbered(chosen: Sequence[MachineType]) -> dict[int, MachineType]:
    """Those with a number of their own by it, the others in their order by the numbers left."""
    pinned = {host.node: host for host in chosen if host.node is not None}
    rest = (number for number in range(len(chosen)) if number not in pinned)
    return {next(rest) if host.node is None else host.node: host for host in chosen}


def _pinned_twice(hosts: Iterable[Machine]) -> Iterator[Problem]:
    """Hosts that are to be the same node."""
    holders: dict[int, str] = {}
    for host in hosts:
        if host.node is None:
            continue
        first = holders.setdefault(host.node, host.name)
        if first != host.name:
            yield Problem(
                _CONTRACT,
                f"node: {host.node} のホストが 2 台あります: {first}、{host.name}",
                f"two hosts have node: {host.node}: {first}, {host.name}",
            )


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


def _unavailable(
    pool: model.GpuNodePool, racks: Sequence[Rack[MachineType]], count: int
) -> Problem | None:
    """Why the contract cannot give the pool what it asks for."""
    if pool.nvlink_domains is not None:
        whole = sum(len(rack.free) == rack.size for rack in racks)
        return _too_few_domains(pool, whole, racks) if whole < pool.nvlink_domains else None
    free = sum(len(rack.free) for rack in racks)
    return _too_few(pool, count, free, racks) if free < count else None


def _too_few_domains(
    pool: model.GpuNodePool, whole: int, racks: Sequence[Rack[MachineType]]
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


def _incomplete(rack: Rack[MachineType]) -> tuple[str, str]:
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
        ja += f"、別のプールか、範囲外の node のトレイ: {numbers(rack.taken)}"
        en += f", tray(s) of other pools or of a node beyond this one {numbers(rack.taken)}"
    return ja, en


def _too_few(
    pool: model.GpuNodePool,
    count: int,
    free: int,
    racks: Sequence[Rack[MachineType]],
    beyond: Collection[str] = (),
) -> Problem:
    lacking = [rack for rack in racks if rack.missing]
    ja = "".join(f"。{_incomplete(rack)[0]}" for rack in lacking)
    en = "".join(f"; {_incomplete(rack)[1]}" for rack in lacking)
    if beyond:
        names = ", ".join(sorted(beyond))
        ja, en = f"{ja}。node が範囲外のもの: {names}", f"{en}; of a node beyond this one: {names}"
    return Problem(
        asked_by(pool),
        f"{count} 台の指定ですが、契約のホストで空いているのは {free} 台です{ja}",
        f"asks for {count} server(s), but the contract has {free} host(s) free{en}",
    )


def _across(
    pool: model.GpuNodePool, racks: Sequence[Rack[MachineType]], count: int, size: int
) -> Placement[MachineType]:
    if pool.nvlink_domains is not None:
        if refused := _pinned_to_parts(pool, racks, size):
            return Placement(problems=(refused,))
        racks = [rack for rack in racks if len(rack.free) == size]
    shares = _shares(racks, count)
    chosen = [(rack, rack.trays(share)) for rack, share in zip(racks, shares, strict=True) if share]
    numbered = _numbered([rack.hosts[tray] for rack, trays in chosen for tray in trays])
    domains = tuple(Domain(rack.name, tuple(sorted(t)), rack.missing) for rack, t in chosen)
    return Placement(
        nodes=tuple(Placed(number, host, host.rack) for number, host in sorted(numbered.items())),
        warnings=tuple(_warnings(pool, domains)),
        domains=domains,
    )


def _shares(racks: Sequence[Rack[MachineType]], count: int) -> list[int]:
    """How many nodes each rack gives: as few racks as possible, the first that holds the rest.

    Racks with hosts whose node is given come first: these hosts are taken in any case.
    """
    free, pinned = [len(rack.free) for rack in racks], [len(rack.pinned) for rack in racks]
    given, wanted = list(pinned), count - sum(pinned)
    for at in (at for at, some in enumerate(pinned) if some):
        more = min(free[at] - given[at], wanted)
        given[at], wanted = given[at] + more, wanted - more
    while wanted:
        left = [0 if given[at] else some for at, some in enumerate(free)]
        fitting = (at for at, some in enumerate(left) if some >= wanted)
        at = next(fitting, left.index(max(left)))
        given[at] = min(left[at], wanted)
        wanted -= given[at]
    return given


def _pinned_to_parts(
    pool: model.GpuNodePool, racks: Sequence[Rack[MachineType]], size: int
) -> Problem | None:
    """Why whole domains cannot hold the hosts whose node is given."""
    named = [rack for rack in racks if rack.pinned]
    broken = [rack for rack in named if len(rack.free) < size]
    if not broken and len(named) <= (pool.nvlink_domains or 0):
        return None
    listed = ", ".join(rack.name for rack in named)
    return Problem(
        "nvlink_domains",
        f"node を指定したホストがラック {listed} にあり、{pool.nvlink_domains} ドメインに"
        "まとまりません。node を直すか、ドメインを増やしてください",
        f"hosts with a node are in rack(s) {listed}, which are not {pool.nvlink_domains} whole "
        "domain(s); correct node, or ask for more domains",
    )


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
