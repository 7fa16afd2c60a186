"""Which sellers' APIs the lab emulates: one line of `_BUILT_IN` each, or an entry point."""

from __future__ import annotations

import functools
import itertools
import pkgutil
import sys
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

_BUILT_IN = (
    "kokunai.lab.sakura_iaas:EMULATOR",
    "kokunai.lab.sakura_phy:EMULATOR",
    "kokunai.lab.contract_hosts:EMULATOR",
    "kokunai.lab.sakura_object_storage:EMULATOR",
)
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
    """Threads for calls of `machines`; what one server needs goes under the key `server-<id>`."""
    delays: Delays


@dataclass(frozen=True)
class Contents:
    """What an account holds, as `/_lab/state` and `kokunai lab status` show it."""

    names: dict[str, list[str]] = field(default_factory=dict)
    """Kind in the plural, such as `switches`, and the names of all that there are."""
    servers: list[dict[str, Any]] = field(default_factory=list)
    """Rows with `id`, `name`, `zone`, `status`, `problem` and `addresses`, at least.

    A running host whose id is in no emulator's rows is removed when the lab starts.
    """
    appliances: list[dict[str, Any]] = field(default_factory=list)
    """Rows of the same shape for what is no server and has a power state too."""


class Service:
    """An emulator at work in the daemon; the defaults are those of an API without hosts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        """Mounted below the emulator's prefix: its own routes begin after it."""

    def error(self, status: int, code: str, message: str) -> Response:
        """A refusal in this API's own form; an empty code stands for the usual one of `status`."""
        from starlette.responses import JSONResponse

        return JSONResponse({"code": code, "message": message}, status)

    def resume(self, running: set[str]) -> None:
        """Take up what an earlier process left; called before the first request is answered.

        `running` holds the ids of the servers that are on, seen on the machine.
        """

    def look(self, running: set[str]) -> None:
        """Notice what changed on the machine by itself; called every few seconds."""

    def contents(self) -> Contents:
        """Everything of the emulated account."""
        return Contents()

    def close(self) -> None:
        """End what the service started itself; called before its store is closed."""


class Emulator(Protocol):
    """A seller's API as the lab offers it; light to import, since every command asks for it."""

    name: str
    """Unique word of letters, digits and underscores; names the emulator's store."""
    prefix: str
    """Path that all of its calls begin with and nobody else's, for example `/cloud/zone`."""

    def environment(self, places: Places) -> dict[str, str]:
        """Variables that make a client call this lab with dummy credentials."""

    def open(self, lab: Lab) -> Service:
        """Make the service, once in the life of a daemon."""


def registered() -> tuple[Emulator, ...]:
    """The built-in emulators, then those of installed packages.

    Raises KokunaiError when two of them claim the same name or the same paths.
    """
    built_in = [cast("Emulator", pkgutil.resolve_name(dotted)) for dotted in _BUILT_IN]
    added = [_loaded(found) for found in _installed(_ENTRY_POINTS, tuple(sys.path))]
    emulators = (*built_in, *added)
    for first, second in itertools.combinations(emulators, 2):
        # A seller's API may lie within another one of its own; the longer path is served first.
        is_within = getattr(second, "within", "") == first.name and first.prefix != second.prefix
        if first.name == second.name or (not is_within and _overlap(first.prefix, second.prefix)):
            _refuse(second, first.name)
    for emulator in emulators:
        if _overlap(emulator.prefix, _LAB_PREFIX):
            _refuse(emulator, "lab")
    return emulators


@functools.cache
def _installed(group: str, _: tuple[str, ...]) -> list[metadata.EntryPoint]:
    """Of the packages on this path, each of which is read for it."""
    return sorted(metadata.entry_points(group=group))


def _loaded(entry_point: metadata.EntryPoint) -> Emulator:
    try:
        return cast("Emulator", entry_point.load())
    except Exception as error:
        text = f"{entry_point.name} = {entry_point.value}: {type(error).__name__}: {error}"
        raise KokunaiError(
            ja=f"エミュレーターを読み込めません: {text}", en=f"cannot load the emulator {text}"
        ) from error


def _overlap(one_prefix: str, other_prefix: str) -> bool:
    one, other = f"{one_prefix}/", f"{other_prefix}/"
    return one.startswith(other) or other.startswith(one)


def _refuse(emulator: Emulator, other: str) -> None:
    raise KokunaiError(
        ja=f"エミュレーター {emulator.name}（{emulator.prefix}）は {other} と重なります。",
        en=f"The emulator {emulator.name} ({emulator.prefix}) overlaps with {other}.",
    )


def environment_of(places: Places) -> dict[str, str]:
    """What clients of all emulated sellers need to reach the lab."""
    variables: dict[str, str] = {}
    for emulator in registered():
        variables |= emulator.environment(places)
    return variables
