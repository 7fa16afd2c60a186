"""What Sakura's IaaS API would refuse of a stack file, told before anything is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from kokunai import catalog
from kokunai.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kokunai import model
    from kokunai.capacity import Asked


class Limits(BaseModel):
    """The limits of this driver in the seller's file of the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filter_rules: int
    """Rules of a packet filter."""
    boot_disk_gib: tuple[int, ...]
    """Sizes of boot disks."""
    share_gib: dict[str, tuple[int, ...]]
    """Sizes of file servers by kind of disk."""


def problems(asked: Asked, limits: Limits, fixed_rules: int) -> Iterator[Problem]:
    """Every limit that the file exceeds; `fixed_rules` are those of every packet filter."""
    if asked.access is not None and asked.pools:
        yield from _too_many_rules(asked.access, limits.filter_rules - fixed_rules)
    for index, pool in asked.pools.items():
        if pool.boot_disk_gib not in limits.boot_disk_gib:
            yield _no_size(f"pools[{index}].boot_disk_gib", limits.boot_disk_gib)
    for index, share in asked.shares.items():
        sizes = limits.share_gib[share.disk]
        if share.size_gib not in sizes:
            yield _no_size(f"storage[{index}].size_gib", sizes)


def _too_many_rules(access: model.Access, allowed: int) -> Iterator[Problem]:
    logins = len(access.ssh_from)
    others = sum(len(row.allow_from) for row in access.open_ports)
    if logins + others <= allowed:
        return
    is_logins = logins > allowed or not others
    yield Problem(
        "access.ssh_from" if is_logins else "access.open_ports",
        "パケットフィルターのルールが足りません。ssh_from と open_ports の allow_from は合わせて "
        f"{allowed} 個までです（今は {logins + others} 個）。"
        "隣り合うネットワークはまとめてください",
        "exceeds the rules of a packet filter: ssh_from and allow_from of open_ports may hold "
        f"{allowed} networks together (now {logins + others}); join neighbouring networks",
    )


def _no_size(path: str, sizes: tuple[int, ...]) -> Problem:
    listed = ", ".join(map(str, sizes))
    return Problem(
        path,
        f"この容量は販売されていません。選べるもの（GiB）: {listed}",
        f"this size is not sold; choose one of these, in GiB: {listed}",
    )


def limits_of(driver: str) -> Limits:
    """The driver's limits. Raises KokunaiError where the catalogue has none."""
    return Limits.model_validate(catalog.limits(driver))
