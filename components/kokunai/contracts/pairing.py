"""Finds mistakes between a stack's pools, networks, shares and the contracts that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kokunai import catalog, model, placement
from kokunai.contracts.rows import share_elsewhere
from kokunai.errors import KokunaiError, Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kokunai.contracts import Contract
    from kokunai.contracts.rows import HandedShare

    Row = Mapping[str, Any]
    Rows = Mapping[str, Sequence[Row]]
    Where = tuple[str | int, ...]

DRIVER = "contract"
"""The driver whose rows always come from a contract."""
SLURM_DRIVER = "contract-slurm"
"""The driver whose rows are Slurm clusters of a contract."""
_BY_SERVICES = "sakura-phy"
"""The driver that finds the machines of a contract by its services."""
_BY_CONTRACT = (DRIVER, _BY_SERVICES, SLURM_DRIVER)
"""Drivers that ask a contract whether there is anything; the others order by API."""
_SECTIONS = ("networks", "storage", "pools")


def problems(rows: Rows, contracts: Mapping[str, Contract]) -> Iterator[Problem]:
    """Every mistake; `rows` are valid rows of a stack file by section, `site` and `name` given."""
    for section in _SECTIONS:
        for index, row in enumerate(rows.get(section, ())):
            key = row.get("contract")
            where = (section, index)
            if key is None:
                yield from _without(section, where, row, rows)
            elif key not in contracts:
                yield _unknown(where, key, contracts)
            else:
                yield from _against(section, where, row, contracts[key], rows)
    yield from _shared_by_pools(rows.get("pools", ()), contracts)
    yield from _unconnected(rows, contracts)


def _unknown(where: Where, key: str, contracts: Mapping[str, Contract]) -> Problem:
    known_ja = ", ".join(contracts) or "なし。contracts に契約ファイルを書いてください"
    known_en = ", ".join(contracts) or "none; name the contract file under contracts"
    return Problem(
        path_text((*where, "contract")),
        f"契約 {key} は契約ファイルにありません。あるもの: {known_ja}",
        f"contract {key} is in no contract file; there are: {known_en}",
    )


def _without(section: str, where: Where, row: Row, rows: Rows) -> Iterator[Problem]:
    """A network or a share that comes with contracts only; pools are told by their door."""
    if section == "networks" and _driver_at(str(row.get("site"))) == DRIVER:
        yield Problem(
            path_text((*where, "contract")),
            f"{row.get('site')} のネットワークは契約で引き渡されます。契約のキーを書いてください",
            f"networks at {row.get('site')} come with a contract; write its key",
        )
    network = _network_of(row, rows) if section == "storage" else None
    if network is not None and _is_handed(network):
        name = row.get("network")
        yield Problem(
            path_text((*where, "contract")),
            f"{name} の共有ストレージは契約で引き渡されます。契約のキーを書いてください",
            f"shares in {name} come with a contract; write the contract's key",
        )


def _driver_at(site: str) -> str | None:
    try:
        return catalog.service(site).driver
    except KokunaiError:
        return None


def _network_of(share: Row, rows: Rows) -> Row | None:
    """The network in which a share stands; None where that is refused elsewhere."""
    listed = rows.get("networks", ())
    return next((row for row in listed if row.get("name") == share.get("network")), None)


def _is_handed(network: Row) -> bool:
    """Whether a network comes with a contract, as do then the shares in it."""
    return network.get("contract") is not None or _driver_at(str(network.get("site"))) == DRIVER


def _against(
    section: str, where: Where, row: Row, contract: Contract, rows: Rows
) -> Iterator[Problem]:
    if section == "pools":
        yield from _pool(where, row, contract)
    elif section == "networks":
        yield from _elsewhere(where, str(row.get("site")), contract)
        yield from _network(where, row, contract)
    elif (network := _network_of(row, rows)) is not None:
        yield from _elsewhere(where, str(network.get("site")), contract)
        yield from _share(where, row, contract, network)


def _elsewhere(where: Where, site: str, contract: Contract) -> Iterator[Problem]:
    """What a contract hands over stands at the site of what was ordered."""
    offer = contract.offer
    if offer is not None and offer.site != site:
        yield Problem(
            path_text((*where, "contract")),
            f"契約 {contract.key}（{offer.key}）は {offer.site} のもので、{site} では使えません",
            f"contract {contract.key} ({offer.key}) is for {offer.site}, not for {site}",
        )


def _pool(where: Where, row: Row, contract: Contract) -> Iterator[Problem]:
    offer = _offer(row)
    if offer is None:
        return
    path = path_text((*where, "contract"))
    if offer.key != contract.row.offer:
        yield Problem(
            path,
            f"契約 {contract.key} は {contract.row.offer} のもので、{offer.key} ではありません",
            f"contract {contract.key} is for {contract.row.offer}, not for {offer.key}",
        )
    if offer.driver not in _BY_CONTRACT:
        yield Problem(
            path,
            f"{offer.key} は API で注文します。契約では調達できません。contract を消してください",
            f"{offer.key} is ordered by API and not had by a contract; remove contract",
        )
    for field, ja, en in _machines(row, offer, contract):
        where_it_is = path_text((*where, field))
        yield Problem(where_it_is, f"契約 {contract.key}: {ja}", f"contract {contract.key}: {en}")


def _machines(row: Row, offer: catalog.Offer, contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Fields of a pool that want other machines than the contract has."""
    try:
        pool = model.GpuNodePool.model_validate(row)
        count = placement.node_count(pool, placement.shape_of(offer))
    except (ValidationError, KokunaiError):
        return  # refused elsewhere
    if offer.driver == DRIVER and contract.is_in_use:
        found = placement.place(pool, contract.hosts, placement.shape_of(offer))
        yield from ((problem.path, problem.ja, problem.en) for problem in found.problems)
    if offer.driver == _BY_SERVICES and contract.is_kept:
        yield from _services(count, contract)
    if offer.driver == SLURM_DRIVER and contract.is_in_use and not contract.hosts:
        yield (
            "contract",
            f"{contract.file} の hosts に、クラスターのログインノードを書いてください",
            f"write the cluster's login node under hosts in {contract.file}",
        )


def _services(count: int, contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Without a list any idle server of the account could be taken for one of the contract."""
    listed = len(contract.row.services)
    if not listed:
        yield (
            "contract",
            f"{contract.file} の services に、使うサーバーのサービスコードを書いてください",
            f"write the service ids of its servers under services in {contract.file}",
        )
    elif listed < count:
        yield (
            "node_count",
            f"services は {listed} 台ですが、プールは {count} 台です",
            f"it lists {listed} service(s), but the pool has {count} node(s)",
        )


def _offer(row: Row) -> catalog.Offer | None:
    """The pool's offer; None where that is refused elsewhere."""
    try:
        return catalog.offer(
            site=str(row.get("site")), gpu=str(row.get("gpu")), key=row.get("offer")
        )
    except KokunaiError:
        return None


def _network(where: Where, row: Row, contract: Contract) -> Iterator[Problem]:
    handed = contract.network(str(row.get("name")))
    if handed is None:
        yield _no_such(where, row, contract, "networks")
    elif handed.cidr != row.get("cidr"):
        yield Problem(
            path_text((*where, "cidr")),
            f"契約 {contract.key} では {handed.cidr} です",
            f"contract {contract.key} says {handed.cidr}",
        )


def _share(where: Where, row: Row, contract: Contract, network: Row) -> Iterator[Problem]:
    handed = contract.share(str(row.get("name")))
    if not _is_handed(network):
        name = network.get("name")
        yield Problem(
            path_text((*where, "contract")),
            f"ネットワーク {name} は API で作るので、契約の共有ストレージは置けません。"
            "契約のネットワークを選ぶか、contract を消してください",
            f"network {name} is made by API and holds no share of a contract; choose a network "
            "of a contract, or remove contract",
        )
    elif handed is None:
        yield _no_such(where, row, contract, "shares")
    else:
        yield from _handed_share(where, row, contract, handed, str(network.get("cidr")))


def _handed_share(
    where: Where, row: Row, contract: Contract, handed: HandedShare, cidr: str
) -> Iterator[Problem]:
    if handed.kind != "nfs":
        yield Problem(
            path_text((*where, "name")),
            f"契約 {contract.key} では {handed.kind} です。マウントできるのは nfs だけです",
            f"contract {contract.key} hands over {handed.kind}; only nfs can be mounted",
        )
        return
    if handed.size_gib is not None and int(row.get("size_gib") or 0) > handed.size_gib:
        yield Problem(
            path_text((*where, "size_gib")),
            f"契約 {contract.key} では {handed.size_gib} GiB です",
            f"contract {contract.key} promises {handed.size_gib} GiB",
        )
    if not handed.is_near([cidr]):
        yield Problem(path_text((*where, "contract")), *share_elsewhere(handed.source))


def _no_such(where: Where, row: Row, contract: Contract, section: str) -> Problem:
    """`section` is `networks` or `shares`, as the contract file calls it."""
    name, listed = row.get("name"), ", ".join(getattr(contract.row, section))
    return Problem(
        path_text((*where, "name")),
        f"契約 {contract.key} の {section} に {name} はありません。あるもの: {listed or 'なし'}",
        f"{name} is not among {section} of contract {contract.key}; it has: {listed or 'none'}",
    )


def _shared_by_pools(pools: Sequence[Row], contracts: Mapping[str, Contract]) -> Iterator[Problem]:
    """A second pool would get the same machines."""
    first: dict[tuple[str, str], int] = {}
    for index, pool in enumerate(pools):
        contract = contracts.get(str(pool.get("contract")))
        if contract is None:
            continue
        earlier = {first.setdefault(claim, index) for claim in _claims(contract)} - {index}
        if earlier:
            at = min(earlier)
            yield Problem(
                path_text(("pools", index, "contract")),
                f"契約 {contract.key} のホストは pools[{at}] が使います。"
                "契約ファイルの行を分けてください",
                f"the hosts of contract {contract.key} belong to pools[{at}]; split the row of "
                "the contract file",
            )


def _claims(contract: Contract) -> Iterator[tuple[str, str]]:
    """What one pool alone may have: the machines of a contract, and each service."""
    if contract.row.hosts or contract.row.services:
        yield "contract", contract.key
    if contract.is_kept:
        yield from (("service", service) for service in contract.row.services)


def _unconnected(rows: Rows, contracts: Mapping[str, Contract]) -> Iterator[Problem]:
    """Networks to which the API is to connect servers, without the id by which it knows them."""
    joined = {
        pool.get("network")
        for pool in rows.get("pools", ())
        if _driver(pool) == _BY_SERVICES and _is_in_use(pool.get("contract"), contracts)
    }
    for index, row in enumerate(rows.get("networks", ())):
        key, name = row.get("contract"), str(row.get("name"))
        contract = contracts.get(str(key))
        handed = contract.network(name) if contract and contract.is_in_use else None
        if handed and handed.service is None and name in joined:
            yield Problem(
                path_text(("networks", index, "contract")),
                f"契約 {key} の networks.{name} に service（ローカルネットワークのサービスコード）"
                "を書いてください。ないと、サーバーをつなげません",
                f"write service (the id of the private network) at networks.{name} of contract "
                f"{key}; without it no server can be connected",
            )


def _driver(pool: Mapping[str, Any]) -> str | None:
    offer = _offer(pool)
    return offer.driver if offer else None


def _is_in_use(key: str | None, contracts: Mapping[str, Contract]) -> bool:
    """Whether a pool of this contract has servers; without a contract it always has."""
    return key is None or (key in contracts and contracts[key].is_in_use)
