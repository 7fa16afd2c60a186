"""Looks for an installed engine and an installed Go compiler."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.airgap import versions
from kokunai.airgap.versions import OLDEST_ENGINE, OLDEST_GO, ask_version, format_version
from kokunai.airgap.wrapper import is_ours
from kokunai.errors import Problem

if TYPE_CHECKING:
    from kokunai.airgap.versions import Version

LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Program:
    """An installed program of a suitable version."""

    path: Path
    version: str


def find_pulumi(search: str | None = None) -> Program | Problem:
    """The first official engine on `search` (PATH), or why it cannot be used as it is."""
    path = _find_official("pulumi", search)
    if path is None:
        return Problem("pulumi", "pulumi が PATH にありません", "there is no pulumi on PATH")
    version = ask_version([str(path), "version"])
    if version is None or version < OLDEST_ENGINE:
        return _unfit(path, version, format_version(OLDEST_ENGINE))
    if find_official_host(path, search) is None:
        return Problem(
            "pulumi",
            f"{path} に {LANGUAGE_HOST} が付いていません",
            f"{path} came without {LANGUAGE_HOST}",
        )
    return Program(path, format_version(version))


def find_official_host(pulumi: Path | None, search: str | None = None) -> Path | None:
    """The official language host that the engine would take; None if there is none."""
    on_path = _find_official(LANGUAGE_HOST, search)
    if on_path or pulumi is None:
        return on_path
    beside = pulumi.resolve().with_name(LANGUAGE_HOST)
    return beside if os.access(beside, os.X_OK) and not is_ours(beside.parent) else None


def find_go() -> Program | Problem:
    """A Go compiler new enough to build the engine, or why there is none."""
    path = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    needed = f"Go {format_version(OLDEST_GO)}"
    if path is None:
        return Problem("go", f"{needed} 以上がありません", f"{needed} or newer is missing")
    version = ask_version([path, "version"])
    if version is None or version < OLDEST_GO:
        return _unfit(Path(path), version, needed)
    return Program(Path(path), format_version(version))


def _find_official(name: str, search: str | None) -> Path | None:
    """The first program of this name on the path that is not in a directory made by `wrapper`."""
    entries = (os.environ.get("PATH", "") if search is None else search).split(os.pathsep)
    for entry in entries:
        if entry and not is_ours(Path(entry)):
            path = shutil.which(name, path=entry)
            if path:
                return Path(path).absolute()
    return None


def _unfit(path: Path, version: Version | None, needed: str) -> Problem:
    if version is None:
        seconds = versions.ANSWER_SECONDS
        return Problem(
            path.name,
            f"`{path} version` が {seconds} 秒以内にバージョンを返しません",
            f"`{path} version` does not tell a version within {seconds} seconds",
        )
    shown = format_version(version)
    return Problem(
        path.name,
        f"{path} は {shown} です（{needed} 以上が必要）",
        f"{path} is {shown}, and {needed} or newer is needed",
    )
