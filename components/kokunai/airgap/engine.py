"""Finds the Pulumi engine to use, or builds it."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kokunai.airgap import cache
from kokunai.airgap.build import build
from kokunai.airgap.errors import AirgapError
from kokunai.airgap.progress import say
from kokunai.airgap.release import INSTALLER, VERSION, format_version, read_version
from kokunai.airgap.search import Found, find_go, find_official_host, find_pulumi
from kokunai.airgap.wrapper import place_wrapper

Source = Literal["auto", "path", "build"]


@dataclass(frozen=True)
class Engine:
    """An engine that can run Python programs."""

    pulumi: Path
    version: str
    origin: Literal["path", "build"]
    directories: tuple[Path, ...]
    """What has to stand in front of PATH."""
    has_own_host: bool = False
    """Whether our language host runs the programs, and not an official one."""

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the variables to add to `base` (this process's) so that `pulumi` is this one."""
        given = os.environ if base is None else base
        own = [str(directory) for directory in self.directories]
        search = given.get("PATH", os.defpath).split(os.pathsep)
        rest = [entry for entry in search if entry not in own]
        added = {"PATH": os.pathsep.join([*own, *rest])}
        if not self.has_own_host:
            # An official host takes any `python3` on PATH; our own knows this environment's.
            added["PULUMI_PYTHON_CMD"] = given.get("PULUMI_PYTHON_CMD", sys.executable)
        return added


def find_or_build_engine(source: Source = "auto") -> Engine:
    """Return a usable engine; AirgapError says what to install when there is no way to one."""
    installed = find_pulumi() if source != "build" else None
    if installed and installed.path:
        return Engine(installed.path, installed.version, "path", ())
    if source == "path":
        raise refuse(installed)
    return find_built_engine() or build_engine(installed)


def find_engine() -> Engine | None:
    """Return a usable engine if there is one already."""
    installed = find_pulumi()
    if installed.path:
        return Engine(installed.path, installed.version, "path", ())
    return find_built_engine()


def find_built_engine() -> Engine | None:
    pulumi = cache.find_built(cache.find_cache())
    return describe_built(pulumi) if pulumi else None


def build_engine(installed: Found | None) -> Engine:
    go = find_go()
    if go.path is None or sys.platform != "linux":
        raise refuse(installed, go)
    if installed:
        say(f"{installed.ja}。\n{installed.en}.")
    compiler = go.path
    directory = cache.find_cache()
    with refusing_unwritable(directory):
        pulumi = cache.keep(directory, lambda draft: build(compiler, draft))
    return describe_built(pulumi)


def describe_built(pulumi: Path) -> Engine:
    """An official language host on PATH is left to do its work; ours stands in for none."""
    own = find_official_host(None) is None
    hosts = cache.find_cache() / "hosts"
    with refusing_unwritable(hosts):
        directory = place_wrapper(pulumi, hosts) if own else pulumi.parent
    version = format_version(read_version(VERSION) or ())
    return Engine(directory / "pulumi", version, "build", (directory,), has_own_host=own)


@contextlib.contextmanager
def refusing_unwritable(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AirgapError(
            ja=f"{directory} にエンジンを置けません（{error.filename}: {error.strerror}）。"
            "XDG_CACHE_HOME で別の場所を指定できます。",
            en=f"the engine cannot be kept in {directory} ({error.filename}: {error.strerror}); "
            "XDG_CACHE_HOME can name another place",
        ) from error


def refuse(*missing: Found | None) -> AirgapError:
    reasons = [found for found in missing if found and not found.path]
    return AirgapError(
        ja=f"Pulumi エンジンがありません: {'、'.join(found.ja for found in reasons)}。"
        f"公式の手順 {INSTALLER} で入れるか、閉域網では Go を入れて再実行してください。",
        en=f"There is no Pulumi engine: {'; '.join(found.en for found in reasons)}. "
        f"Install it as {INSTALLER} says, or on a closed network install Go and run this again.",
    )
