"""Finds names that a tool below reserves, and derived names that are too long or already taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kokunai import resolved
from kokunai.errors import Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kokunai import model

# One label of a domain name (RFC 1035).
_LIMIT_HOST_NAME = 63
_OF_ANSIBLE = frozenset(
    ("all", "ungrouped", "localhost", "hostvars", "groups", "vars", "hosts", "children", "omit")
)
"""Group names of an inventory that mean something else to Ansible; a pool is a group."""
_OF_HOSTS = frozenset(
    {
        "localhost",
        "broadcasthost",
        *(f"ip6-{name}" for name in ("localhost", "loopback", "localnet", "mcastprefix")),
        *(f"ip6-{name}" for name in ("allnodes", "allrouters", "allhosts")),
    }
)
"""Names that every /etc/hosts has already; a share is a line in it."""


def problems(
    environment: str, pools: Mapping[int, model.GpuNodePool], shares: Mapping[int, model.Storage]
) -> Iterator[Problem]:
    """Every name that cannot be used where it ends up."""
    yield from _reserved("pools", pools, _OF_ANSIBLE, "Ansible")
    yield from _reserved("storage", shares, _OF_HOSTS, "/etc/hosts")
    for index, pool in pools.items():
        yield from _host_names(environment, index, pool)
    yield from _taken_by_nodes(environment, pools, shares)


def _reserved(
    section: str, rows: Mapping[int, Any], reserved: frozenset[str], of: str
) -> Iterator[Problem]:
    for index, row in rows.items():
        if row.name in reserved:
            yield Problem(
                path_text((section, index, "name")),
                f"名前 {row.name} は {of} が別の意味で使います。別の名前にしてください",
                f"the name {row.name} means something else to {of}; choose another",
            )


def _host_names(environment: str, index: int, pool: model.GpuNodePool) -> Iterator[Problem]:
    """The longest host name of a pool, and what a domain name reserves."""
    longest = f"{environment}-{pool.name}-{max(resolved.node_count(pool) - 1, 0)}"
    where = path_text(("pools", index, "name"))
    if len(longest) > _LIMIT_HOST_NAME:
        yield Problem(
            where,
            f"ホスト名 {longest} が {_LIMIT_HOST_NAME} 文字を超えます。name を短くしてください",
            f"the host name {longest} is longer than {_LIMIT_HOST_NAME}; shorten a name",
        )
    if longest.startswith("xn--"):
        yield Problem(
            where,
            f"ホスト名 {longest} は国際化ドメイン名の印 xn-- で始まります。別の名前にしてください",
            f"the host name {longest} begins with xn--, the mark of internationalised names; "
            "choose another",
        )


def _taken_by_nodes(
    environment: str, pools: Mapping[int, model.GpuNodePool], shares: Mapping[int, model.Storage]
) -> Iterator[Problem]:
    nodes = {
        f"{environment}-{pool.name}-{number}": index
        for index, pool in pools.items()
        for number in range(resolved.node_count(pool))
    }
    for index, share in shares.items():
        if share.name in nodes:
            yield Problem(
                path_text(("storage", index, "name")),
                f"名前 {share.name} は pools[{nodes[share.name]}] のノードのホスト名です",
                f"the name {share.name} is the host name of a node of pools[{nodes[share.name]}]",
            )
