"""Stack files without an engine: check one, or print the schema editors use."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kokunai import project
from kokunai.errors import KokunaiError
from kokunai.language import worded

if TYPE_CHECKING:
    from kokunai import model
    from kokunai.errors import Problem


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="JSON で表示します / print as JSON")
def check(files: tuple[Path, ...], *, as_json: bool) -> None:
    """スタックファイルの誤りと規則違反を示します。 / Report mistakes and what the rules refuse.

    誤りがあれば終了コード 1 で終わります。--json は、ファイルごとに file、ok、settings_only、
    pools、nodes、problems を示します。problems の項目は path、ja、en です。 / The exit code is 1
    for a mistake. --json prints for each file: file, ok, settings_only, pools, nodes, problems (of
    path, ja, en).
    """
    rows = [_examined(path) for path in files]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        sys.exit(0 if all(row["ok"] for row in rows) else 1)
    for row in rows:
        if row["ok"]:
            click.echo(f"{row['file']}: ok, {_content(row)}")
    problems = [(row["file"], problem) for row in rows for problem in row["problems"]]
    if problems:
        texts = {
            language: "\n".join(_line(file, problem, language) for file, problem in problems)
            for language in ("ja", "en")
        }
        raise KokunaiError(**texts)


def _examined(path: Path) -> dict[str, Any]:
    from kokunai import stack_file

    row: dict[str, Any] = {"file": str(path), "ok": True, "problems": []}
    try:
        row |= _counts(stack_file.read_file(path))
        found = [vars(problem) for problem in _refused_by_rules(path)]
    except KokunaiError as error:
        found = [{"path": "", "ja": error.ja, "en": error.en}]
    return {**row, "ok": not found, "problems": found}


def _refused_by_rules(path: Path) -> list[Problem]:
    """What the rules will refuse of the stack, at the places of the stack file."""
    from kokunai import stack_check

    root = project.find_root(path.resolve().parent) or path.resolve().parent
    return stack_check.findings(path, root)


def _line(file: str, problem: dict[str, str], language: str) -> str:
    """A mistake of the file as a whole names it already."""
    where = f"{file}: {problem['path']}: " if problem["path"] else ""
    return f"{where}{problem[language]}"


def _counts(read: model.Settings) -> dict[str, Any]:
    from kokunai import model, resolved

    pools = read.pools if isinstance(read, model.Environment) else []
    return {
        "settings_only": not isinstance(read, model.Environment),
        "pools": len(pools),
        "nodes": sum(resolved.node_count(pool) for pool in pools),
    }


def _content(row: dict[str, Any]) -> str:
    if row["settings_only"]:
        return worded("設定のみ", "settings", " / ")
    pools, nodes = row["pools"], row["nodes"]
    return worded(
        f"プール {pools}、ノード {nodes}",
        f"{pools} pool{'s' * (pools != 1)}, {nodes} node{'s' * (nodes != 1)}",
        " / ",
    )


@click.command()
def schema() -> None:
    """スタックファイルの JSON Schema を表示します。 / Print the JSON schema of a stack file."""
    from kokunai import model

    click.echo(json.dumps(model.schema(), ensure_ascii=False, indent=2))
