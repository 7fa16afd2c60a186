"""Stack files without an engine: check one, or print the schema editors use."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kokunai.errors import KokunaiError


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """スタックファイルを検査します。Check stack files and report every mistake."""
    from kokunai import stack_file

    errors = []
    for path in files:
        try:
            environment = stack_file.read_file(path)
        except KokunaiError as error:
            errors.append(error)
            continue
        nodes = sum(pool.node_count for pool in environment.pools)
        click.echo(f"{path}: ok ({len(environment.pools)} pool(s), {nodes} node(s))")
    if errors:
        raise KokunaiError(
            ja="\n".join(error.ja for error in errors), en="\n".join(error.en for error in errors)
        )


@click.command()
def schema() -> None:
    """スタックファイルの JSON Schema を表示します。Print the JSON schema of a stack file."""
    from kokunai import model

    click.echo(json.dumps(model.schema(), ensure_ascii=False, indent=2))
