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

    refusals = []
    for path in files:
        try:
            environment = stack_file.read_file(path)
        except KokunaiError as refusal:
            refusals.append(refusal)
            continue
        nodes = sum(pool.node_count for pool in environment.pools)
        click.echo(f"{path}: ok ({len(environment.pools)} pool(s), {nodes} node(s))")
    if refusals:
        ja, en = ("\n".join(getattr(one, tongue) for one in refusals) for tongue in ("ja", "en"))
        raise KokunaiError(ja=ja, en=en)


@click.command()
def schema() -> None:
    """スタックファイルの JSON Schema を表示します。Print the JSON schema of a stack file."""
    from kokunai import model

    click.echo(json.dumps(model.schema(), ensure_ascii=False, indent=2))
