"""Stack files without an engine: check one, or print the schema editors use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from kokunai import model


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """スタックファイルを検査します。Check stack files and report every mistake."""
    from kokunai import stack_file

    errors = []
    for path in files:
        try:
            read = stack_file.read_file(path)
        except KokunaiError as error:
            errors.append(error)
            continue
        click.echo(f"{path}: ok ({_content(read)})")
    if errors:
        raise KokunaiError(
            ja="\n".join(error.ja for error in errors), en="\n".join(error.en for error in errors)
        )


def _content(read: model.Settings) -> str:
    from kokunai import model

    if not isinstance(read, model.Environment):
        return "settings"
    nodes = sum(pool.node_count for pool in read.pools)
    return f"{len(read.pools)} pool(s), {nodes} node(s)"


@click.command()
def schema() -> None:
    """スタックファイルの JSON Schema を表示します。Print the JSON schema of a stack file."""
    from kokunai import model

    click.echo(json.dumps(model.schema(), ensure_ascii=False, indent=2))
