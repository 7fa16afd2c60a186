"""Stack files without an engine: check one, or print the schema editors use."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kokunai import project
from kokunai.errors import KokunaiError, Mistakes
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
    pools、nodes、problems を示します。problems の項目は path、ja、en で、path が空なら
    ファイル全体の誤りです。1 年以内に終わる GPU や販売は警告だけで、warnings に同じ形で示します。
    / The exit code is 1 for a mistake. --json prints for each file: file, ok, settings_only,
    pools, nodes, problems (of path, ja, en; a path is empty for the whole file). What ends within
    a year is only warned of, in the same form in warnings.
    """
    rows = [_examined(path) for path in files]
    if as_json:
        shown = [{key: row[key] for key in row if key != "refusal"} for row in rows]
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        sys.exit(0 if all(row["ok"] for row in rows) else 1)
    for row in rows:
        _show_warnings(row)
        if row["ok"]:
            click.echo(f"{row['file']}: ok, {_content(row)}")
    if refused := [row["refusal"] for row in rows if row["refusal"]]:
        raise KokunaiError(
            ja="\n".join(error.ja for error in refused), en="\n".join(error.en for error in refused)
        )


def _show_warnings(row: dict[str, Any]) -> None:
    head = click.style(worded("警告", "warning", " / "), fg="yellow")
    for warning in row.get("warnings", []):
        place = f"{row['file']}: {warning['path']}".removesuffix(": ")
        said = worded(f"{place}: {warning['ja']}", f"{place}: {warning['en']}")
        click.echo(f"{head}: {said}", err=True)


def _examined(path: Path) -> dict[str, Any]:
    """The row of a file; `refusal` is an error with all that is wrong, or None."""
    from kokunai import stack_check, stack_file

    row: dict[str, Any] = {"file": str(path), "ok": True, "problems": [], "refusal": None}
    try:
        row |= _counts(stack_file.read_file(path))
        if warnings := [vars(warning) for warning in stack_check.warnings(path)]:
            row["warnings"] = warnings
        if found := _refused_by_rules(path):
            raise _refusal(path, found)
    except Mistakes as error:
        return {**row, "ok": False, "problems": list(map(vars, error.problems)), "refusal": error}
    except KokunaiError as error:
        whole = {"path": "", "ja": error.ja, "en": error.en}
        return {**row, "ok": False, "problems": [whole], "refusal": error}
    return row


def _refusal(path: Path, found: list[Problem]) -> Mistakes:
    return Mistakes(
        found,
        ja="\n".join(f"{path}: {problem.path}: {problem.ja}" for problem in found),
        en="\n".join(f"{path}: {problem.path}: {problem.en}" for problem in found),
    )


def _refused_by_rules(path: Path) -> list[Problem]:
    """What the rules will refuse of the stack, at the places of the stack file."""
    from kokunai import stack_check

    root = project.find_root(path.resolve().parent) or path.resolve().parent
    return stack_check.findings(path, root)


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
