"""Finds what contradicts in a contract for a Slurm cluster, or is missing from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai import catalog
from kokunai.contracts.pairing import SLURM_DRIVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai.contracts import Contract

Found = tuple[tuple[str | int, ...], str, str]
"""Path within the row, Japanese, English."""


def problems(contract: Contract) -> Iterator[Found]:
    """Every mistake; an offer that is not in the catalogue is refused elsewhere."""
    row = contract.row
    offer = next((one for one in catalog.offers() if one.key == row.offer), None)
    is_cluster = offer is not None and offer.driver == SLURM_DRIVER
    if row.slurm is None and is_cluster and contract.hosts:
        yield (
            ("slurm",),
            f"{row.offer} は Slurm クラスターです。slurm に partition を書いてください",
            f"{row.offer} is a Slurm cluster; write its partition under slurm",
        )
    if row.slurm is not None and offer is not None and not is_cluster:
        yield (
            ("slurm",),
            f"{row.offer} は Slurm クラスターではありません。slurm を消してください",
            f"{row.offer} is no Slurm cluster; leave slurm out",
        )
    if row.slurm is not None and is_cluster and contract.hosts:
        yield from _of_login(contract)


def _of_login(contract: Contract) -> Iterator[Found]:
    """Its login node, where an ordinary user logs in directly."""
    if len(contract.hosts) != 1:
        yield (
            ("hosts",),
            f"ログインノード 1 台だけを書いてください（今は {len(contract.hosts)} 台です）",
            f"must hold the cluster's login node alone, not {len(contract.hosts)} hosts",
        )
    if contract.row.user == "root":
        yield (
            ("user",),
            "Slurm クラスターでは root になれません。自分のユーザー名を書いてください",
            "nobody is root on a Slurm cluster; write the name of your own user",
        )
    if contract.hosts[0].jump is not None:
        yield (
            ("hosts", 0, "jump"),
            "ログインノードの踏み台は access.ssh_config のファイルに書いてください",
            "belongs into the file of access.ssh_config for a login node",
        )
