"""Which hosts stand behind the API: the host side's choice, or none."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from .machines import Machines, MachinesError, NoMachines

if TYPE_CHECKING:
    from collections.abc import Callable

    from .places import Places

KINDS = ("full", "rootless", "light", "none")


def choose_hosts(places: Places, kind: str) -> Machines:
    """An empty kind lets the host side probe what this machine can do."""
    if kind == "none":
        return NoMachines()
    if kind and kind not in KINDS:
        raise MachinesError(f"hosts: {kind}; 使える値 allowed: {', '.join(KINDS)}")
    # Imported late: the API alone must start where the host side cannot.
    hosts = importlib.import_module("kokunai.lab.hosts")
    return cast("Machines", hosts.choose(places, kind=kind or None))


def prepare_hosts(kind: str, progress: Callable[[str], None]) -> None:
    """Build what the chosen kind needs, telling how far it is; choosing tells what cannot be.

    An ordinary user's namespaces are entered after that, by whoever starts the lab.
    """
    if kind in ("none", "rootless"):
        return
    hosts = importlib.import_module("kokunai.lab.hosts")
    possible = [name for name, is_possible, _ in hosts.probe() if is_possible]
    chosen = kind or next(iter(possible), "")
    if chosen in possible and chosen != "rootless":
        hosts.prepare(progress, chosen)
