"""Finds mistakes between a stack's pools, networks, shares and the contracts that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kokunai import catalog, model, placement
from kokunai.errors import KokunaiError, Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kokunai.contracts import Contract, Host

    Rows = Mapping[str, Sequence[Mapping[str, Any]]]

DRIVER = "contract"
"""The driver whose rows always come from a contract."""
SLURM_DRIVER = "contract-slurm"
"""The driver whose rows are Slurm clusters of a contract."""
_CONNECTING = "sakura-phy"
"""The driver that connects servers under contract to networks by their id."""
_SECTIONS = ("networks", "storage", "pools")


def problems(rows: Rows, contracts: Mapping[str, Contract]) -> Iterator[Problem]:
    """Every mistake; `rows` are valid rows of a stack file by section, `site` and `name` given."""
    for section in _SECTIONS:
        for index, row in enumerate(rows.get(section, ())):
            key = row.get("contract")
            where = (section, index)
            if key is None:
                yield from _without(section, where, row)
            elif key not in contracts:
                yield _unknown(where, key, contracts)
            else:
                yield from _against(section, where, row, contracts[key])
    yield from _shared_by_pools(rows.get("pools", ()), contracts)
    yield from _unconnected(rows, contracts)


def _unknown(where: tuple[str | int, ...], key: str, contracts: Mapping[str, Contract]) -> Problem:
    known_ja = ", ".join(contracts) or "なし。contracts に契約ファイルを書いてください"
    known_en = ", ".join(contracts) or "none; name the contract file under contracts"
    return Problem(
        path_text((*where, "contract")),
        f"契約 {key} は契約ファイルにありません。あるもの: {known_ja}",
        f"contract {key} is in no contract file; there are: {known_en}",
    )


def _without(
    section: str, where: tuple[str | int, ...], row: Mapping[str, Any]
) -> Iterator[Problem]:
    """A network at a site whose networks come with contracts only; pools are told by their door."""
    if section == "networks" and _driver_at(str(row.get("site"))) == DRIVER:
        yield Problem(
            path_text((*where, "contract")),
            f"{row.get('site')} のネットワークは契約で引き渡されます。契約のキーを書いてください",
            f"networks at {row.get('site')} come with a contract; write its key",
        )


def _driver_at(site: str) -> str | None:
    try:
        return catalog.service(site).driver
    except KokunaiError:
        return None


def _against(
    section: str, where: tuple[str | int, ...], row: Mapping[str, Any], contract: Contract
) -> Iterator[Problem]:
    if section == "pools":
        yield from _pool(where, row, contract)
    elif section == "networks":
        yield from _network(where, row, contract)
    else:
        yield from _share(where, row, contract)


def _pool(
    where: tuple[str | int, ...], row: Mapping[str, Any], contract: Contract
) -> Iterator[Problem]:
    offer = _offer_key(row)
    if offer is not None and offer != contract.row.offer:
        yield Problem(
            path_text((*where, "contract")),
            f"契約 {contract.key} は {contract.row.offer} のもので、{offer} ではありません",
            f"contract {contract.key} is for {contract.row.offer}, not for {offer}",
        )
    if contract.hosts and (found := _placed(row, contract)):
        for problem in found.problems:
            path = path_text((*where, problem.path))
            yield Problem(
                path,
                f"契約 {contract.key}: {problem.ja}",
                f"contract {contract.key}: {problem.en}",
            )


def _placed(row: Mapping[str, Any], contract: Contract) -> placement.Placement[Host] | None:
    """The machines of a pool; None where the pool or its offer are refused elsewhere, and where
    Slurm chooses them.
    """
    try:
        pool = model.GpuNodePool.model_validate(row)
        offer = catalog.offer(site=pool.site, gpu=pool.gpu, key=pool.offer)
    except (ValidationError, KokunaiError):
        return None
    if offer.driver == SLURM_DRIVER:
        return None
    return placement.place(pool, contract.hosts, placement.shape_of(offer))


def _offer_key(row: Mapping[str, Any]) -> str | None:
    """The pool's offer; None where that is refused elsewhere."""
    try:
        return catalog.offer(
            site=str(row.get("site")), gpu=str(row.get("gpu")), key=row.get("offer")
        ).key
    except KokunaiError:
        return None


def _network(
    where: tuple[str | int, ...], row: Mapping[str, Any], contract: Contract
) -> Iterator[Problem]:
    handed = contract.network(str(row.get("name")))
    if handed is None:
        yield _no_such(where, row, contract, "networks")
    elif handed.cidr != row.get("cidr"):
        yield Problem(
            path_text((*where, "cidr")),
            f"契約 {contract.key} では {handed.cidr} です",
            f"contract {contract.key} says {handed.cidr}",
        )


def _share(
    where: tuple[str | int, ...], row: Mapping[str, Any], contract: Contract
) -> Iterator[Problem]:
    handed = contract.share(str(row.get("name")))
    if handed is None:
        yield _no_such(where, row, contract, "shares")
    elif handed.size_gib is not None and int(row.get("size_gib") or 0) > handed.size_gib:
        yield Problem(
            path_text((*where, "size_gib")),
            f"契約 {contract.key} では {handed.size_gib} GiB です",
            f"contract {contract.key} promises {handed.size_gib} GiB",
        )


def _no_such(
    where: tuple[str | int, ...], row: Mapping[str, Any], contract: Contract, section: str
) -> Problem:
    """`section` is `networks` or `shares`, as the contract file calls it."""
    name, listed = row.get("name"), ", ".join(getattr(contract.row, section))
    return Problem(
        path_text((*where, "name")),
        f"契約 {contract.key} の {section} に {name} はありません。あるもの: {listed or 'なし'}",
        f"{name} is not among {section} of contract {contract.key}; it has: {listed or 'none'}",
    )


def _shared_by_pools(
    pools: Sequence[Mapping[str, Any]], contracts: Mapping[str, Contract]
) -> Iterator[Problem]:
    """A second pool would get the same machines."""
    first: dict[str, int] = {}
    for index, pool in enumerate(pools):
        key = pool.get("contract")
        contract = contracts.get(str(key))
        if contract is None or not contract.row.hosts:
            continue
        earlier = first.setdefault(contract.key, index)
        if earlier != index:
            yield Problem(
                path_text(("pools", index, "contract")),
                f"契約 {key} のホストは pools[{earlier}] が使います。"
                "契約ファイルの行を分けてください",
                f"the hosts of contract {key} belong to pools[{earlier}]; split the row of the "
                "contract file",
            )


def _unconnected(rows: Rows, contracts: Mapping[str, Contract]) -> Iterator[Problem]:
    """Networks to which the API is to connect servers, without the id by which it knows them."""
    joined = {
        pool.get("network")
        for pool in rows.get("pools", ())
        if _driver(pool) == _CONNECTING and _is_in_use(pool.get("contract"), contracts)
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
    key = _offer_key(pool)
    return next((offer.driver for offer in catalog.offers() if offer.key == key), None)


def _is_in_use(key: str | None, contracts: Mapping[str, Contract]) -> bool:
    """Whether a pool of this contract has servers; without a contract it always has."""
    return key is None or (key in contracts and contracts[key].is_in_use)
