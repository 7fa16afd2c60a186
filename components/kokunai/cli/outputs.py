"""Commands that show the outputs of a stack: nodes, verdicts, inventory and how to log in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import click
import yaml

from kokunai import project
from kokunai.cli.local import environment
from kokunai.errors import KokunaiError

_COLOURS = {"pass": "green", "fail": "red", "not-verified": "yellow"}
_NEEDED = {"nodes", "verified", "private_key_file"}


def stack_outputs(stack: str) -> dict[str, Any]:
    """Outputs of a stack. Raises KokunaiError when pulumi cannot tell them."""
    root = project.root(Path.cwd())
    reply = subprocess.run(
        ["pulumi", "stack", "output", "--json", "--stack", stack],
        cwd=root,
        env={**os.environ, **environment(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if reply.returncode:
        raise KokunaiError(
            ja=f"スタック {stack} の出力がありません。先に pulumi up を実行してください。\n"
            f"{reply.stderr}",
            en=f"cannot read the outputs of stack {stack}; run pulumi up first",
        )
    outputs: dict[str, Any] = json.loads(reply.stdout)
    if missing := _NEEDED - outputs.keys():
        raise KokunaiError(
            ja=f"スタック {stack} の出力に {sorted(missing)} がありません。"
            "先に pulumi up を実行してください。",
            en=f"stack {stack} has no outputs {sorted(missing)}; run pulumi up first",
        )
    return outputs


def nodes_of(outputs: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(pool, node, facts) of every node."""
    return [
        (pool, node, facts)
        for pool, nodes in outputs["nodes"].items()
        for node, facts in nodes.items()
    ]


_stack = click.option("--stack", default="local", show_default=True, help="スタック名 / stack name")


@click.command()
@_stack
def inventory(stack: str) -> None:
    """Ansible のインベントリーを表示します。Print the stack's Ansible inventory (YAML)."""
    click.echo(yaml.safe_dump(_inventory(stack_outputs(stack)), allow_unicode=True), nl=False)


def _inventory(outputs: dict[str, Any]) -> dict[str, Any]:
    key = str(project.root(Path.cwd()) / outputs["private_key_file"])
    groups: dict[str, Any] = {}
    for pool, name, node in nodes_of(outputs):
        hosts = groups.setdefault(pool.replace("-", "_"), {"hosts": {}})["hosts"]
        hosts[name] = {
            "ansible_host": node["address"],
            "ansible_user": node["user"],
            "ansible_ssh_private_key_file": key,
        }
    return {"all": {"children": groups}}


@click.command()
@_stack
def summary(stack: str) -> None:
    """ノード、検証結果、ログイン方法を表示します。Show nodes, verdicts and how to log in."""
    outputs = stack_outputs(stack)
    click.echo(click.style("ノード / nodes", bold=True))
    _show_table([_node_row(name, node) for _, name, node in nodes_of(outputs)])
    click.echo(click.style("検証 / verified", bold=True))
    hosts = [host for verdicts in outputs["verified"].values() for host in verdicts.items()]
    _show_table([row for host, checks in hosts for row in _check_rows(host, checks)])
    _show_next_steps(stack, outputs)


def _node_row(name: str, node: dict[str, Any]) -> list[str]:
    private = node["private_address"] or "-"
    return [name, node["address"], private, node["gpu"], node["site"], _bought_from(node)]


def _bought_from(node: dict[str, Any]) -> str:
    """The offer and its seller, and the operator where it is not the seller."""
    seller, operator = node["seller"], node["operator"]
    resold = "" if seller == operator else f", 運用 / operated by {operator}"
    return f"{node['offer']} ({seller}{resold})"


def _check_rows(host: str, checks: dict[str, Any]) -> list[list[str]]:
    if not checks:
        return [[host, "-", "not-verified", "検査が終わっていません / no check has run to its end"]]
    return [
        [host, check, result["verdict"], result.get("reason") or _plain(result.get("value"))]
        for check, result in checks.items()
    ]


def _show_table(rows: list[list[str]]) -> None:
    """Print rows with columns as wide as their texts, and verdicts in colour on a terminal."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for *row, last in rows:
        padded = [
            cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=False)
        ]
        cells = [click.style(cell, fg=_COLOURS.get(cell.strip())) for cell in padded]
        click.echo("  " + "  ".join([*cells, last]))


def width(text: str) -> int:
    """Columns the text takes on a terminal: a full-width character two, a combining one none."""
    return sum(
        0
        if unicodedata.combining(letter)
        else 2
        if unicodedata.east_asian_width(letter) in "WF"
        else 1
        for letter in text
    )


def _plain(value: Any) -> str:
    """A value as a person writes it: `a=1 b=2` for a mapping, words for a list."""
    if isinstance(value, dict):
        return " ".join(f"{name}={entry}" for name, entry in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _show_next_steps(stack: str, outputs: dict[str, Any]) -> None:
    click.echo(click.style("次に / next", bold=True))
    kokunai = _own_name()
    for _, _, node in nodes_of(outputs)[:1]:
        # The hosts of an ordinary user's lab can be reached only from inside its namespaces.
        inside = f"{kokunai} lab exec -- " if os.geteuid() else ""
        login = f"ssh -i {outputs['private_key_file']} {node['user']}@{node['address']}"
        click.echo(f"  ログイン / log in           {inside}{login}")
    click.echo(f"  インベントリー / inventory  {kokunai} inventory --stack {stack}")
    click.echo(f"  片付け / destroy            {_destroy_command(kokunai, stack)}")


def _destroy_command(kokunai: str, stack: str) -> str:
    """`make down` where the project's Makefile takes a lab down, else what that would run."""
    makefile = project.root(Path.cwd()) / "Makefile"
    if makefile.is_file() and "kokunai lab down" in makefile.read_text(encoding="utf-8"):
        return "make down"
    return f"{kokunai} run -- pulumi destroy --stack {stack}"


def _own_name() -> str:
    """How to call this command here: by its name where PATH leads to it, else by its path."""
    own = Path(sys.argv[0])
    on_path = shutil.which("kokunai")
    return "kokunai" if on_path and own.exists() and own.samefile(on_path) else os.path.relpath(own)
