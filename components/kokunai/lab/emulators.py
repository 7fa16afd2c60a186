"""The contract of an emulator, and the list of all: built-in ones and those of entry points."""

from __future__ import annotations

import itertools
import pkgutil
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol, cast

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from kokunai.lab.delays import Delays
    from kokunai.lab.machines import Machines
    from kokunai.lab.places import Places
    from kokunai.lab.store import Store
    from kokunai.lab.workers import Workers

_BUILT_IN = ("kokunai.lab.sakura_iaas:EMULATOR",)
"""`module:attribute` of every emulator that this package brings along."""
_ENTRY_POINTS = "kokunai.emulators"
"""Group of entry points through which an installed package of one's own adds an emulator."""
_LAB_PREFIX = "/_lab"


@dataclass(frozen=True)
class Lab:
    """What the daemon gives to one emulator."""

    places: Places
    store: Store
    """Of this emulator alone, in a file of its own."""
    machines: Machines
    """The hosts, switches and file servers, which all emulators share."""
    workers: Workers
    """Threads for calls of `machines`; work for one server has the key `server-<id>`."""
    delays: Delays


@dataclass(frozen=True)
class Contents:
    """What an account holds, as `/_lab/state` and `kokunai lab status` show it."""

    names: dict[str, list[str]] = field(default_factory=dict)
    """By kind in the plural, such as `switches`: the names of all resources."""
    servers: list[dict[str, Any]] = field(default_factory=list)
    """Rows with `id`, `name`, `zone`, `status`, `problem` and `addresses`, at least.

    A running host whose id is in no emulator's rows is removed when the lab starts.
    """
    appliances: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the same shape for appliances, which also have a power state."""


class Service:
    """A running emulator in the daemon; the default methods suit an API without hosts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        """Mounted below the emulator's prefix: its own routes begin after it."""

    def error(self, status: int, code: str, message: str) -> Response:
        """A refusal in this API's form; an empty code means the usual one for `status`."""
        from starlette.responses import JSONResponse

        return JSONResponse({"code": code, "message": message}, status)

    def resume(self, running: set[str]) -> None:
        """Continue the work of an earlier process; called before the first request is answered.

        `running` holds the ids of the servers that are on, seen on the machine.
        """

    def look(self, running: set[str]) -> None:
        """Notice hosts that went off by themselves; called every few seconds."""

    def contents(self) -> Contents:
        """The contents of the emulated account."""
        return Contents()


class Emulator(Protocol):
    """The emulator of a seller's API; quick to import, since every command imports it."""

    name: str
    """Unique word of letters, digits and underscores; names the emulator's store."""
    prefix: str
    """Path with which all of its calls begin, and no other emulator's; such as `/cloud/zone`."""

    def environment(self, places: Places) -> dict[str, str]:
        """Variables that make a client call this lab with dummy credentials."""

    def open(self, lab: Lab) -> Service:
        """Make the service; called once per daemon."""


def registered() -> tuple[Emulator, ...]:
    """The built-in emulators, then those of installed packages.

    Raises KokunaiError when two of them claim the same name or the same paths.
    """
    built_in = [cast("Emulator", pkgutil.resolve_name(dotted)) for dotted in _BUILT_IN]
    added: list[Emulator] = [
        entry_point.load() for entry_point in sorted(metadata.entry_points(group=_ENTRY_POINTS))
    ]
    emulators = (*built_in, *added)
    for first, second in itertools.combinations(emulators, 2):
        if first.name == second.name or _overlap(first.prefix, second.prefix):
            _refuse(second, first.name)
    for emulator in emulators:
        if _overlap(emulator.prefix, _LAB_PREFIX):
            _refuse(emulator, "lab")
    return emulators


def _overlap(prefix: str, other_prefix: str) -> bool:
    path, other = f"{prefix}/", f"{other_prefix}/"
    return path.startswith(other) or other.startswith(path)


def _refuse(emulator: Emulator, other: str) -> None:
    raise KokunaiError(
        ja=f"エミュレーター {emulator.name}({emulator.prefix})は {other} と重なります。",
        en=f"The emulator {emulator.name} ({emulator.prefix}) overlaps with {other}.",
    )


def environment_of(places: Places) -> dict[str, str]:
    """The variables that clients of all emulated sellers need to reach the lab."""
    variables: dict[str, str] = {}
    for emulator in registered():
        variables |= emulator.environment(places)
    return variables
