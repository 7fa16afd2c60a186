"""What a person wants after `pulumi up`: nodes, verdicts, inventory, how to log in and out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from kokunai.cli.local import environment, project_root
from kokunai.errors import KokunaiError

_COLOURS = {"pass": "green", "fail": "red", "not-verified": "yellow"}


def stack_outputs(stack: str) -> dict[str, Any]:
    """Outputs of a stack. Raises KokunaiError when pulumi cannot tell them."""
    root = project_root()
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
            ja=f"スタック {stack} の出力がありません。先に pulumi up を。\n{reply.stderr}",
            en=f"cannot read the outputs of stack {stack}; run pulumi up first",
        )
    outputs: dict[str, Any] = json.loads(reply.stdout)
    if missing := {"nodes", "verified", "login", "private_key_file"} - outputs.keys():
        raise KokunaiError(
            ja=f"スタック {stack} の出力に {sorted(missing)} がありません。先に pulumi up を。",
            en=f"stack {stack} has no outputs {sorted(missing)}; run pulumi up first",
        )
    return outputs


_stack = click.option("--stack", default="local", show_default=True, help="スタック名 / stack name")


@click.command()
@_stack
def inventory(stack: str) -> None:
    """Ansible のインベントリーを表示します。Print the stack's Ansible inventory (YAML)."""
    click.echo(yaml.safe_dump(_inventory(stack_outputs(stack)), allow_unicode=True), nl=False)


def _inventory(outputs: dict[str, Any]) -> dict[str, Any]:
    key = str(project_root() / outputs["private_key_file"])
    pools: dict[str, Any] = {}
    for name, node in outputs["nodes"].items():
        hosts = pools.setdefault(node["pool"].replace("-", "_"), {"hosts": {}})["hosts"]
        hosts[name] = {
            "ansible_host": node["address"],
            "ansible_user": node["user"],
            "ansible_ssh_private_key_file": key,
        }
    return {"all": {"children": pools}}


@click.command()
@_stack
def summary(stack: str) -> None:
    """ノード、検証結果、ログイン方法を表示します。Show nodes, verdicts and how to log in."""
    outputs = stack_outputs(stack)
    click.echo(click.style("ノード / nodes", bold=True))
    nodes = outputs["nodes"].items()
    _show_table([_node_row(name, node) for name, node in nodes])
    click.echo(click.style("検証 / verified", bold=True))
    hosts = [host for verdicts in outputs["verified"].values() for host in verdicts.items()]
    _show_table([row for host, checks in hosts for row in _check_rows(host, checks)])
    _show_next_steps(stack, outputs)


def _node_row(name: str, node: dict[str, Any]) -> list[str]:
    return [name, node["address"], node["private_address"] or "-", node["gpu"], node["site"]]


def _check_rows(host: str, checks: dict[str, Any]) -> list[list[str]]:
    if not checks:
        return [[host, "-", "not-verified", "検査が終わっていません / no check has run to its end"]]
    return [
        [host, check, result["verdict"], result.get("reason") or _plain(result.get("value"))]
        for check, result in checks.items()
    ]


def _show_table(rows: list[list[str]]) -> None:
    """Columns as wide as they must be; verdicts in colour on a terminal."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *row, last in rows:
        padded = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        cells = [click.style(cell, fg=_COLOURS.get(cell.strip())) for cell in padded]
        click.echo("  " + "  ".join([*cells, last]))


def _plain(value: Any) -> str:
    """A value as a person writes it: `a=1 b=2` for a mapping, words for a list."""
    if isinstance(value, dict):
        return " ".join(f"{name}={one}" for name, one in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _show_next_steps(stack: str, outputs: dict[str, Any]) -> None:
    click.echo(click.style("次に / next", bold=True))
    kokunai = _own_name()
    first = next(iter(outputs["login"].values()), None)
    if first:
        # Hosts of an ordinary user's lab are reached from within its namespaces only.
        inside = f"{kokunai} lab exec -- " if os.geteuid() else ""
        click.echo(f"  ログイン / log in           {inside}{first}")
    click.echo(f"  インベントリー / inventory  {kokunai} inventory --stack {stack}")
    click.echo("  片付け / destroy            make down")


def _own_name() -> str:
    """How this command can be typed here: by name where PATH leads to it, else by path."""
    own = Path(sys.argv[0])
    found = shutil.which("kokunai")
    return "kokunai" if found and own.exists() and own.samefile(found) else os.path.relpath(own)
