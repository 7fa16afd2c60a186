"""Checks inputs against what a zone sells, in lists that are read from the API once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from kokunai import catalog
from kokunai.drivers.sakura_iaas import (
    ARCHIVE,
    DISK_PLAN,
    NOTE,
    SERVER_PLAN,
    ZONE,
    nfs_plans,
)
from kokunai.drivers.sakura_requests import MIB_PER_GIB
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kokunai.drivers.sakura_iaas import Collection, Item
    from kokunai.plugin.sakura.session import Session

DISK_PLAN_IDS = {"ssd": 4, "hdd": 2}
"""Fixed numbers of the API (iaas-api-go v1.29.2 types/disk_plan.go)."""
_ASKED_ZONE = "is1a"
"""Where the list of zones is asked for, as Sakura's own client does (iaas-api-go client.go)."""
_MOST_SHOWN = 20


class Products:
    """The products of an account's zones; each list is fetched once per zone."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, str, str], list[Item]] = {}
        self._fetching = asyncio.Lock()

    async def existing(self, session: Session, what: Collection) -> list[Item]:
        """What the account has in the zone, asked for once: good enough for a preview alone."""
        return await self._list(session, what)

    async def check_zone(self, session: Session) -> None:
        """Raises KokunaiError when the API has no such zone."""
        zones = await self._list(session, ZONE, zone=_ASKED_ZONE)
        names = sorted(str(zone["Name"]) for zone in zones)
        if session.zone not in names:
            raise _no_zone(session.zone, names)

    async def check_server_plan(self, session: Session, plan: Mapping[str, Any]) -> None:
        """Raises KokunaiError when the zone does not sell this plan."""
        sold = [row for row in await self._list(session, SERVER_PLAN) if _is_available(row)]
        if any(matches_plan(row, plan) for row in sold):
            return
        with_gpu = bool(plan.get("gpuCount"))
        offers = sorted({plan_name(row) for row in sold if bool(row.get("GPU")) == with_gpu})
        raise KokunaiError(
            ja=f"ゾーン {session.zone} にサーバープラン {_wanted_name(plan)} はありません。"
            f"販売中: {_shown(offers)}",
            en=f"Zone {session.zone} does not sell the server plan {_wanted_name(plan)}; "
            f"it sells: {_shown(offers)}",
        )

    async def check_disk(self, session: Session, plan: str, size_gib: int) -> None:
        """Raises KokunaiError when the zone does not sell a disk of this plan and size."""
        plans = await self._list(session, DISK_PLAN)
        wanted = [row for row in plans if str(row["ID"]) == str(DISK_PLAN_IDS[plan])]
        sizes = {
            int(size["SizeMB"]) // MIB_PER_GIB
            for row in wanted
            for size in row.get("Size") or []
            if _is_available(size)
        }
        if wanted and (not sizes or size_gib in sizes):
            return
        raise KokunaiError(
            ja=f"ゾーン {session.zone} に {plan} の {size_gib} GiB ディスクはありません。"
            f"販売中: {_shown(sorted(sizes))}",
            en=f"Zone {session.zone} does not sell a {plan} disk of {size_gib} GiB; "
            f"it sells: {_shown(sorted(sizes))}",
        )

    async def archive(self, session: Session, name: str, size_gib: int) -> Item:
        """The archive of this exact name, or with this tag, that fits on the disk.

        Raises KokunaiError when there is none or it is larger than the disk.
        """
        archives = await self._list(session, ARCHIVE)
        named = [
            archive
            for archive in archives
            if name in {archive.get("Name"), *(archive.get("Tags") or [])}
            and _is_available(archive)
        ]
        if not named:
            names = sorted({str(archive["Name"]) for archive in archives if _is_available(archive)})
            raise KokunaiError(
                ja=f"ゾーン {session.zone} にイメージ「{name}」はありません。"
                f"使えるもの: {_shown(names)}",
                en=f'Zone {session.zone} has no image "{name}"; it has: {_shown(names)}',
            )
        chosen = min(named, key=lambda archive: archive.get("Scope") != "shared")
        least_gib = -(-int(chosen.get("SizeMB") or 0) // MIB_PER_GIB)
        if size_gib < least_gib:
            raise KokunaiError(
                ja=f"イメージ「{name}」には {least_gib} GiB 以上のディスクが必要です "
                f"（{size_gib} GiB）。",
                en=f'Image "{name}" needs a disk of at least {least_gib} GiB, not {size_gib} GiB.',
            )
        return chosen

    async def nfs_plan_id(self, session: Session, plan: str, size_gib: int) -> int:
        """The API's id of a file server's plan. Raises KokunaiError when it is not sold."""
        sold = [offer for offer in await self.nfs_plans(session) if offer["isSold"]]
        for offer in sold:
            if (offer["plan"], offer["sizeGib"]) == (plan, size_gib):
                return int(offer["id"])
        offers = sorted(offer["sizeGib"] for offer in sold if offer["plan"] == plan)
        raise KokunaiError(
            ja=f"ゾーン {session.zone} に {plan} の {size_gib} GiB の NFS はありません。"
            f"販売中: {_shown(offers)}",
            en=f"Zone {session.zone} does not sell NFS of {size_gib} GiB on {plan}; "
            f"it sells: {_shown(offers)}",
        )

    async def nfs_plans(self, session: Session) -> list[Item]:
        """Plans of file servers, which the API keeps in a public note named sys-nfs.

        Plans that are no longer sold are included, because appliances may still have them.
        """
        notes = await self._list(session, NOTE, {"Name": ["sys-nfs"], "Class": ["json"]})
        named = [note for note in notes if note.get("Name") == "sys-nfs"]
        here = [note for note in named if f"@zone={session.zone}" in (note.get("Tags") or [])]
        content = next((note.get("Content") for note in here or named), None)
        plans = nfs_plans(content) if content else {}
        return [
            {
                "plan": plan.lower(),
                "sizeGib": row["size"],
                "id": int(row["planId"]),
                "isSold": row["availability"] == "available",
            }
            for plan, rows in plans.items()
            for row in rows
        ]

    async def _list(
        self,
        session: Session,
        what: Collection,
        conditions: Mapping[str, Any] | None = None,
        zone: str = "",
    ) -> list[Item]:
        where = zone or session.zone
        key = (where, what.path, json.dumps(conditions))
        async with self._fetching:
            if key not in self._lists:
                self._lists[key] = await session.call(
                    lambda: session.api.find(what, where, conditions)
                )
            return self._lists[key]


def matches_plan(sold: Mapping[str, Any], plan: Mapping[str, Any]) -> bool:
    """Whether a plan of the API has all that the inputs name."""
    exact = bool(
        int(sold.get("CPU") or 0) == plan["cpuCount"]
        and int(sold.get("MemoryMB") or 0) == plan["memoryGib"] * MIB_PER_GIB
        and int(sold.get("GPU") or 0) == (plan.get("gpuCount") or 0)
        and (sold.get("Commitment") or "standard") == (plan.get("commitment") or "standard")
    )
    return exact and all(
        not plan.get(ours) or sold.get(theirs) == plan[ours]
        for ours, theirs in (
            ("gpuModel", "GPUModel"),
            ("cpuModel", "CPUModel"),
            ("generation", "Generation"),
        )
    )


def plan_name(sold: Mapping[str, Any]) -> str:
    """`24 vCPU/240 GiB/1x nvidia_h100_80gbvram`."""
    name = f"{sold.get('CPU')} vCPU/{int(sold.get('MemoryMB') or 0) // MIB_PER_GIB} GiB"
    if sold.get("GPU"):
        name += f"/{sold['GPU']}x {sold.get('GPUModel') or 'GPU'}"
    commitment = sold.get("Commitment") or "standard"
    return name if commitment == "standard" else f"{name}/{commitment}"


def _wanted_name(plan: Mapping[str, Any]) -> str:
    return plan_name(
        {
            "CPU": plan["cpuCount"],
            "MemoryMB": plan["memoryGib"] * MIB_PER_GIB,
            "GPU": plan.get("gpuCount"),
            "GPUModel": plan.get("gpuModel"),
            "Commitment": plan.get("commitment"),
        }
    ) + (f" (generation {plan['generation']})" if plan.get("generation") else "")


def _is_available(item: Mapping[str, Any]) -> bool:
    return bool(item.get("Availability", "available") == "available")


def _shown(values: list[Any]) -> str:
    more = f" ... (+{len(values) - _MOST_SHOWN})" if len(values) > _MOST_SHOWN else ""
    return ", ".join(shown(value, 100) for value in values[:_MOST_SHOWN]) + more if values else "-"


def _no_zone(zone: str, names: list[str]) -> KokunaiError:
    return KokunaiError(
        ja=f"ゾーン {zone} は API にありません。使えるもの: {_shown(names)}",
        en=f"The API has no zone {zone}; it has: {_shown(names)}",
    )


def image_name(archive: Item) -> str:
    """What inputs call an archive: the catalogue's name or tag for it, else its own name."""
    name = str(archive.get("Name") or "")
    given = {name, *map(str, archive.get("Tags") or [])}
    known = (str(row.terms.get("archive")) for row in catalog.images().values())
    return next((text for text in known if text in given), name)
