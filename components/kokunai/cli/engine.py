"""`kokunai engine`: the Pulumi engine on open and on closed networks."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from typing import cast

import click

from kokunai.airgap.engine import Source, find_engine, find_or_build_engine
from kokunai.language import worded
from kokunai.progress import say


def search_path() -> str:
    """PATH with the programs of this Python's packages in front.

    `pulumi-resource-kokunai` lies there, whether or not somebody activated the environment.
    """
    own = sysconfig.get_path("scripts")
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([own, *(entry for entry in entries if entry != own)])


def engine_environment(source: Source = "auto") -> dict[str, str]:
    """The variables that make `pulumi` the engine to use. Raises KokunaiError without one."""
    search = search_path()
    engine = find_or_build_engine(source, search)
    return engine.environment({**os.environ, "PATH": search})


@click.group()
def engine() -> None:
    """Pulumi エンジンを用意します。 / Find the Pulumi engine, or build it on a closed network."""


_source = click.option(
    "--source",
    type=click.Choice(["auto", "path", "build"]),
    default="auto",
    show_default=True,
    help="path は PATH にあるものだけ、build は Go から作ったものだけを使います / "
    "path: only one that is on PATH; build: only one built with Go",
)


@engine.command()
@_source
def install(source: str) -> None:
    """エンジンを見つけるか作り、その場所を表示します。 / Find or build it, and print its path."""
    print(find_or_build_engine(cast("Source", source), search_path()).pulumi)


@engine.command()
def status() -> None:
    """使われるエンジンを表示します。 / Show which engine would be used, building nothing."""
    current = find_engine(search_path())
    if current is None:
        say(
            worded(
                "エンジンはまだありません。`kokunai engine install` で用意します。",
                "There is no engine yet: `kokunai engine install` prepares it.",
            )
        )
        sys.exit(1)
    print(f"pulumi: {current.pulumi}")
    print(f"version: {current.version}")
    print(f"origin: {current.origin}")


@engine.command()
@_source
def env(source: str) -> None:
    """シェルに読ませる export 行を表示します。 / Print `export` lines for a shell."""
    for name, value in engine_environment(cast("Source", source)).items():
        print(f"export {name}={shlex.quote(value)}")
