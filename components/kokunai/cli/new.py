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
_DRAFT = ".kokunai-new-"
"""How the folder's name begins in which the files are written before they are moved."""


def write(files: Mapping[str, str], directory: Path) -> None:
    """Put the files into a new or empty folder, all or none. Raises KokunaiError.

    What a killed run has left, its draft and what it had moved already, counts as nothing.
    """
    try:
        _refuse_full(directory, files)
        home = directory if directory.exists() else directory.parent
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f"{_DRAFT}{secrets.token_hex(4)}"
        try:
            _fill(draft, files)
            _move(draft, directory)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        for left in _drafts(directory):
            shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise KokunaiError(
            ja=f"{directory} に書けません: {error.strerror}",
            en=f"cannot write into {directory}: {error.strerror}",
        ) from None


def _refuse_full(directory: Path, files: Mapping[str, str]) -> None:
    if not directory.exists():
        return
    entries = {entry.name for entry in directory.iterdir()} - _MAY_BE_THERE
    if drafts := {draft.name for draft in _drafts(directory)}:
        entries -= {*drafts, *(name for name in entries if _is_ours(directory, name, files))}
    if names := sorted(entries):
        shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
        raise KokunaiError(
            ja=f"{directory} は空ではないため、何も書きません。あるもの: {shown}",
            en=f"{directory} is not empty, so nothing was written; it holds: {shown}",
        )


def _drafts(directory: Path) -> list[Path]:
    """What killed runs have left in the folder."""
    return list(directory.glob(f"{_DRAFT}*"))


def _is_ours(directory: Path, name: str, files: Mapping[str, str]) -> bool:
    """Whether this entry is whole and word for word what would be written."""
    entry = directory / name
    found = [path for path in entry.rglob("*") if path.is_file()] if entry.is_dir() else [entry]
    wanted = {path: text for path, text in files.items() if path.partition("/")[0] == name}
    return {directory / path for path in wanted} == set(found) and all(
        (directory / path).read_bytes() == text.encode("utf-8") for path, text in wanted.items()
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
        if not (directory / entry.name).exists():  # else a killed run has moved the same
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
