"""`kokunai new`: a project of one's own, ready for `pulumi up`, or a template for `pulumi new`."""

from __future__ import annotations

import secrets
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kokunai.cli.project_files import STEPS, project_name, render, sellers
from kokunai.errors import KokunaiError
from kokunai.language import chosen, worded

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAY_BE_THERE = {".git", ".venv"}
"""Entries of a folder that still counts as empty: git's and the virtual environment's."""


def write(files: Mapping[str, str], directory: Path) -> None:
    """Put the files into a new or empty folder, all or none. Raises KokunaiError."""
    try:
        _refuse_full(directory)
        home = directory if directory.exists() else directory.parent
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f".kokunai-new-{secrets.token_hex(4)}"
        try:
            _fill(draft, files)
            _move(draft, directory)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise KokunaiError(
            ja=f"{directory} に書けません: {error.strerror}",
            en=f"cannot write into {directory}: {error.strerror}",
        ) from None


def _refuse_full(directory: Path) -> None:
    if not directory.exists():
        return
    names = sorted({entry.name for entry in directory.iterdir()} - _MAY_BE_THERE)
    if names:
        shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
        raise KokunaiError(
            ja=f"{directory} は空ではないため、何も書きません。あるもの: {shown}",
            en=f"{directory} is not empty, so nothing was written; it holds: {shown}",
        )


def _fill(draft: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        file = draft / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _move(draft: Path, directory: Path) -> None:
    """Move the draft to its place; the files of an existing folder are moved one by one.

    Replacing an existing folder would leave the user's shell in a deleted directory.
    """
    if not directory.exists():
        draft.rename(directory)
        return
    for entry in draft.iterdir():
        entry.rename(directory / entry.name)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--name",
    help="プロジェクト名。省略時はフォルダー名 / name of the project, else that of the folder",
)
@click.option(
    "--seller",
    "wanted",
    multiple=True,
    help="スタックを書く販売元。何度でも指定できます / sellers to write stacks for, repeatable",
)
@click.option(
    "--template",
    "is_template",
    is_flag=True,
    help="`pulumi new` の雛形として書きます / write a template for `pulumi new`",
)
def new(directory: Path, name: str | None, wanted: tuple[str, ...], *, is_template: bool) -> None:
    """自分のプロジェクトを作ります。 / Write a project of one's own into DIRECTORY.

    スタック、規則、CI、README が入ります。 / Stacks, rules, CI and READMEs are in it.
    """
    if is_template and name:
        raise click.UsageError(
            worded("--template に --name は付けられません", "--template takes no --name", " / ")
        )
    called = project_name(directory, name)
    files = render(called, sellers(wanted), is_template=is_template)
    write(files, directory)
    place = shlex.quote(str(directory))
    if is_template:
        click.echo(f"{chosen('雛形を書きました / template written')}: {place} ({len(files)})")
        click.echo(chosen("次に、空のフォルダーで / next, in an empty folder"))
        click.echo(f"  pulumi new {shlex.quote(str(directory.resolve()))} --generate-only")
        return
    written = chosen("プロジェクトを書きました / project written")
    click.echo(f"{written}: {called}, {place} ({len(files)})")
    click.echo(chosen("次に / next"))
    for step in _next_steps(directory):
        click.echo(f"  {step}")


def _next_steps(directory: Path) -> list[str]:
    there = [] if directory.resolve() == Path.cwd() else [f"cd {shlex.quote(str(directory))}"]
    has_python = (directory / ".venv").exists()
    return [*there, *(step for step in STEPS if not (has_python and step.endswith("venv .venv")))]
