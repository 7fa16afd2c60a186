"""Finds the Pulumi engine to use, or builds it."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kokunai.airgap import cache
from kokunai.airgap.build import build
from kokunai.airgap.installed import Program, find_go, find_official_host, find_pulumi
from kokunai.airgap.versions import INSTALLER, VERSION
from kokunai.airgap.wrapper import place_wrapper
from kokunai.errors import KokunaiError, Problem
from kokunai.language import worded
from kokunai.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Source = Literal["auto", "path", "build"]


@dataclass(frozen=True)
class Engine:
    """An engine that can run Python programs."""

    pulumi: Path
    version: str
    origin: Literal["path", "build"]
    directories: tuple[Path, ...]
    """Directories to put in front of PATH."""
    has_own_host: bool = False
    """Whether our language host runs the programs, and not an official one."""

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables to add to `base` (this process's) so that `pulumi` is this one."""
        given = os.environ if base is None else base
        own = [str(directory) for directory in self.directories]
        search = given.get("PATH", os.defpath).split(os.pathsep)
        rest = [entry for entry in search if entry not in own]
        added = {"PATH": os.pathsep.join([*own, *rest])}
        if not self.has_own_host:
            # An official host takes any `python3` on PATH; the own host uses this environment's.
            added["PULUMI_PYTHON_CMD"] = given.get("PULUMI_PYTHON_CMD", sys.executable)
        return added


def find_or_build_engine(source: Source = "auto", search: str | None = None) -> Engine:
    """A usable engine. Raises KokunaiError saying what to install when there is no way to one.

    `source` is where it may come from: `path` takes an installed one only, `build` a built one
    only, `auto` prefers the installed one. `search` is what to search instead of PATH.
    """
    problems = []
    if source != "build":
        installed = find_pulumi(search)
        if isinstance(installed, Program):
            return _describe_installed(installed)
        problems.append(installed)
    if source == "path":
        raise _refusal(problems)
    return _find_built_engine(search) or _build_engine(problems, search)


def find_engine(search: str | None = None) -> Engine | None:
    """The engine that would be used; None if it would have to be built."""
    installed = find_pulumi(search)
    if isinstance(installed, Program):
        return _describe_installed(installed)
    return _find_built_engine(search)


def _describe_installed(installed: Program) -> Engine:
    return Engine(installed.path, installed.version, "path", ())


def _find_built_engine(search: str | None) -> Engine | None:
    pulumi = cache.find_built(cache.find_cache())
    return _describe_built(pulumi, search) if pulumi else None


def _build_engine(problems: list[Problem], search: str | None) -> Engine:
    """Build the engine; `problems` say why no installed engine can be used."""
    go = find_go()
    if isinstance(go, Problem):
        raise _refusal([*problems, go])
    if sys.platform != "linux":
        only_linux = Problem("go", "ビルドできるのは Linux だけです", "only Linux can build it")
        raise _refusal(problems or [only_linux])
    for problem in problems:
        say(worded(f"{problem.ja}。", f"{problem.en}."))
    directory = cache.find_cache()
    with _refusing_unwritable(directory):
        pulumi = cache.keep(directory, lambda draft: build(go.path, draft))
    return _describe_built(pulumi, search)


def _describe_built(pulumi: Path, search: str | None) -> Engine:
    """The built engine, with the own language host beside it unless an official one is found."""
    own = find_official_host(None, search) is None
    hosts = cache.find_cache() / "hosts"
    with _refusing_unwritable(hosts):
        directory = place_wrapper(pulumi, hosts) if own else pulumi.parent
    version = VERSION.removeprefix("v")
    return Engine(directory / "pulumi", version, "build", (directory,), has_own_host=own)


@contextlib.contextmanager
def _refusing_unwritable(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KokunaiError(
            ja=f"{directory} にエンジンを置けません（{error.filename}: {error.strerror}）。"
            "XDG_CACHE_HOME で別の場所を指定できます。",
            en=f"the engine cannot be kept in {directory} ({error.filename}: {error.strerror}); "
            "XDG_CACHE_HOME can name another place",
        ) from error


def _refusal(problems: list[Problem]) -> KokunaiError:
    return KokunaiError(
        ja=f"Pulumi エンジンがありません: {'、'.join(problem.ja for problem in problems)}。"
        f"公式の手順 {INSTALLER} で入れるか、閉域網では Go を入れて再実行してください。",
        en=f"There is no Pulumi engine: {'; '.join(problem.en for problem in problems)}. "
        f"Install it as {INSTALLER} says, or on a closed network install Go and run this again.",
    )
