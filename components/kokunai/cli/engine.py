"""`kokunai engine`: the Pulumi engine on open and on closed networks."""

import shlex
import sys
from typing import cast

import click

from kokunai.airgap.engine import Engine, Source, find_engine, find_or_build_engine
from kokunai.airgap.progress import say


def engine_environment(source: Source = "auto") -> dict[str, str]:
    """Return the variables that make `pulumi` the engine to use; AirgapError if there is none."""
    return find_or_build_engine(source).environment()


@click.group()
def engine() -> None:
    """Pulumi エンジンを用意します。 Find the Pulumi engine, or build it on a closed network."""


_source = click.option(
    "--source",
    type=click.Choice(["auto", "path", "build"]),
    default="auto",
    show_default=True,
    help="path: PATH のものだけ / only one on PATH. build: Go から作る / build it with Go.",
)


@engine.command()
@_source
def install(source: str) -> None:
    """エンジンを見つけるか作り、その場所を表示します。 Find or build it, and print its path."""
    print(chosen(source).pulumi)


@engine.command()
def status() -> None:
    """使われるエンジンを表示します。 Show which engine would be used, building nothing."""
    found = find_engine()
    if found is None:
        say(
            "エンジンはまだありません。`kokunai engine install` で用意します。\n"
            "There is no engine yet: `kokunai engine install` prepares it."
        )
        sys.exit(1)
    print(f"pulumi: {found.pulumi}")
    print(f"version: {found.version}")
    print(f"origin: {found.origin}")


@engine.command()
@_source
def env(source: str) -> None:
    """シェルに読ませる export 行を表示します。 Print `export` lines for a shell."""
    for name, value in chosen(source).environment().items():
        print(f"export {name}={shlex.quote(value)}")


def chosen(source: str) -> Engine:
    return find_or_build_engine(cast("Source", source))
