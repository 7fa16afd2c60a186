"""Finds renames (`was`) of a stack file that name nothing which can have become the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kokunai.errors import Problem, path_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Renamed(Protocol):
    """A row of the stack file that may have had another name."""

    @property
    def name(self) -> str:
        """The name now."""

    @property
    def was(self) -> str | None:
        """The name before."""


def problems(section: str, rows: Mapping[int, Renamed]) -> Iterator[Problem]:
    """A former name that another row has, or claims, too."""
    names = {row.name: index for index, row in rows.items()}
    first: dict[str, int] = {}
    for index, row in rows.items():
        if row.was is None:
            continue
        path = path_text((section, index, "was"))
        if row.was in names:
            yield _still_there(path, row.was, f"{section}[{names[row.was]}]")
        if (earlier := first.setdefault(row.was, index)) != index:
            yield Problem(
                path,
                f"{section}[{earlier}] も was: {row.was} としています",
                f"{section}[{earlier}] says was: {row.was}, too",
            )


def _still_there(path: str, name: str, row: str) -> Problem:
    return Problem(
        path,
        f"{name} という名前は {row} が使っています。改名が済んでいれば was を消してください",
        f"{row} is called {name}; remove `was` once the rename has been applied",
    )
