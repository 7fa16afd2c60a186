"""Finds mounts that hide each other, a login, or whose systemd unit has no possible name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai import catalog, resolved
from kokunai.errors import KokunaiError, Problem, path_text
from kokunai.role_variables import mount_unit
from kokunai.validation import mount_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kokunai import model

# systemd.unit(5): a unit's name is at most 255 characters.
_LIMIT_UNIT_NAME = 255


def problems(
    shares: Mapping[int, model.Storage], pools: Iterable[model.GpuNodePool]
) -> Iterator[Problem]:
    """Every mistake between the mounts of the nodes of one network, each share once."""
    members = list(pools)
    yield from _overlapping(shares)
    for index, share in shares.items():
        where = path_text(("storage", index, "mount"))
        if len(mount_unit(share.mount)) > _LIMIT_UNIT_NAME:
            yield Problem(
                where,
                f"{share.mount} から作る systemd のユニット名が {_LIMIT_UNIT_NAME} 文字を超えます。"
                "短くしてください",
                f"the systemd unit of {share.mount} would have a name longer than "
                f"{_LIMIT_UNIT_NAME}; shorten the path",
            )
        mounting = [pool for pool in members if pool.network == share.network]
        users = dict.fromkeys(user for pool in mounting if (user := _login_user(pool)))
        for user in users:
            if mount_paths.hides_login(share.mount, user):
                yield Problem(
                    where,
                    f"{share.mount} にマウントすると {user} の SSH 鍵が隠れ、ログインできなく"
                    "なります",
                    f"a mount at {share.mount} would hide the SSH keys of {user}, and lock "
                    "everybody out",
                )


def _login_user(pool: model.GpuNodePool) -> str | None:
    """The user of the pool's image; None where offer or image are refused elsewhere."""
    try:
        driver = resolved.offer_of(pool).driver
        return catalog.image(pool.image, driver=driver).login_user
    except KokunaiError:
        return None


def _overlapping(shares: Mapping[int, model.Storage]) -> Iterator[Problem]:
    """Each share whose mount overlaps that of one before it in the same network, told once."""
    at: dict[tuple[str, str], int] = {}
    above: dict[tuple[str, str], int] = {}
    for index, share in shares.items():
        here = [(share.network, place) for place in mount_paths.with_parents(share.mount)]
        earlier = next((at[place] for place in here if place in at), above.get(here[0]))
        if earlier is not None:
            yield _overlap(index, share.mount, earlier, shares[earlier].mount)
        at.setdefault(here[0], index)
        for place in here[1:]:
            above.setdefault(place, index)


def _overlap(index: int, mount: str, earlier: int, other: str) -> Problem:
    where = path_text(("storage", index, "mount"))
    if mount == other:
        return Problem(
            where,
            f"{mount} には storage[{earlier}] がマウントされます",
            f"storage[{earlier}] is mounted at {mount}",
        )
    return Problem(
        where,
        f"{mount} は storage[{earlier}] のマウント先 {other} と重なり、一方が隠れます。"
        "重ならないパスにしてください",
        f"{mount} overlaps {other} of storage[{earlier}], and one would hide the other; "
        "choose paths apart",
    )
