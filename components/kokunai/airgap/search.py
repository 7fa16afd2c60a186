"""Looks for an engine and a Go compiler that somebody installed."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kokunai.airgap.release import OLDEST, OLDEST_GO, format_version, read_version
from kokunai.airgap.wrapper import is_ours

LANGUAGE_HOST = "pulumi-language-python"
_ANSWER_SECONDS = 20


@dataclass(frozen=True)
class Found:
    """A program that will do, or the reason in both languages why none will."""

    path: Path | None
    version: str = ""
    ja: str = ""
    en: str = ""


def find_pulumi(search: str | None = None) -> Found:
    """Return the first official engine on `search` (PATH), if it is usable as it is."""
    path = find_official("pulumi", search)
    if path is None:
        return Found(None, ja="pulumi が PATH にありません", en="there is no pulumi on PATH")
    version = ask_version([str(path), "version"])
    needed = format_version(OLDEST)
    if version is None or version < OLDEST:
        return describe_unfit(path, version, needed)
    if find_official_host(path, search) is None:
        return Found(
            None,
            ja=f"{path} に {LANGUAGE_HOST} が付いていません",
            en=f"{path} came without {LANGUAGE_HOST}",
        )
    return Found(path, format_version(version))


def find_official_host(pulumi: Path | None, search: str | None = None) -> Path | None:
    """Return the language host that the engine itself would take, unless it is ours."""
    on_path = find_official(LANGUAGE_HOST, search)
    if on_path or pulumi is None:
        return on_path
    beside = pulumi.resolve().with_name(LANGUAGE_HOST)
    return beside if os.access(beside, os.X_OK) and not is_ours(beside.parent) else None


def find_official(program: str, search: str | None = None) -> Path | None:
    """Return the first `program` on the path that does not lie in a directory of ours."""
    entries = (os.environ.get("PATH", "") if search is None else search).split(os.pathsep)
    for entry in entries:
        if entry and not is_ours(Path(entry)):
            found = shutil.which(program, path=entry)
            if found:
                return Path(found).absolute()
    return None


def find_go() -> Found:
    """Return a Go compiler new enough to build the engine."""
    path = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    needed = f"Go {format_version(OLDEST_GO)}"
    if path is None:
        return Found(None, ja=f"{needed} 以上がありません", en=f"{needed} or newer is missing")
    version = ask_version([path, "version"])
    if version is None or version < OLDEST_GO:
        return describe_unfit(Path(path), version, needed)
    return Found(Path(path), format_version(version))


def describe_unfit(path: Path, version: tuple[int, int, int] | None, needed: str) -> Found:
    if version is None:
        return Found(
            None,
            ja=f"`{path} version` が {_ANSWER_SECONDS} 秒以内に版を答えません",
            en=f"`{path} version` does not tell a version within {_ANSWER_SECONDS} seconds",
        )
    shown = format_version(version)
    return Found(
        None,
        ja=f"{path} は {shown} です（{needed} 以上が必要）",
        en=f"{path} is {shown}, and {needed} or newer is needed",
    )


def ask_version(command: list[str]) -> tuple[int, int, int] | None:
    """Run a program that prints its version; one that fails has none."""
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        # Elsewhere than in a project, whose files could change the answer or refuse it.
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=True,
            cwd=tempfile.gettempdir(),
            env=quiet,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return read_version(answer.stdout)
