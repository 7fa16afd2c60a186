"""Commands that show the outputs of a stack: nodes, verdicts, inventory and how to log in."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import click
import yaml

from kokunai import project, user_paths
from kokunai.cli import known_hosts
from kokunai.cli.local import environment
from kokunai.errors import KokunaiError

_COLOURS = {"pass": "green", "fail": "red", "not-verified": "yellow"}
_NEEDED = {"nodes", "verified", "private_key_file"}


def _told(stack: str, *arguments: str) -> str:
    """What `pulumi stack ...` prints. Raises KokunaiError when it fails."""
    root = project.root(Path.cwd())
    reply = subprocess.run(
        ["pulumi", "stack", *arguments, "--stack", stack],
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
    return reply.stdout


def stack_outputs(stack: str) -> dict[str, Any]:
    """Outputs of a stack, and the path of its known_hosts, which is written from the state.

    Raises KokunaiError when pulumi cannot tell them.
    """
    outputs: dict[str, Any] = json.loads(_told(stack, "output", "--json"))
    if missing := _NEEDED - outputs.keys():
        raise KokunaiError(
            ja=f"スタック {stack} の出力に {sorted(missing)} がありません。"
            "先に pulumi up を実行してください。",
            en=f"stack {stack} has no outputs {sorted(missing)}; run pulumi up first",
        )
    state = json.loads(_told(stack, "export")).get("deployment") or {}
    file = known_hosts.keep(project.root(Path.cwd()), stack, known_hosts.lines_of(state))
    return {**outputs, "known_hosts": file}


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
    key = str(user_paths.absolute(project.root(Path.cwd()), outputs["private_key_file"]))
    arguments = known_hosts.option(outputs.get("known_hosts"))
    groups: dict[str, Any] = {}
    for pool, name, node in nodes_of(outputs):
        hosts = groups.setdefault(pool.replace("-", "_"), {"hosts": {}})["hosts"]
        hosts[name] = {
            "ansible_host": node["address"],
            "ansible_user": node["user"],
            "ansible_ssh_private_key_file": key,
            **({"ansible_ssh_common_args": arguments} if arguments else {}),
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
    rows = [
        [host, check, result["verdict"], result.get("reason") or _plain(result.get("value"))]
        for check, result in checks.items()
    ]
    taken = min(
        (result["takenAt"] for result in checks.values() if "takenAt" in result), default=""
    )
    return [*rows, [host, "-", "-", f"判定時刻 / taken at {taken}"]] if taken else rows


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
        click.echo(f"  ログイン / log in           {inside}{_login(outputs, node)}")
    click.echo(f"  インベントリー / inventory  {kokunai} inventory --stack {stack}")
    click.echo(f"  片付け / destroy            {_destroy_command(kokunai, stack)}")


def _login(outputs: dict[str, Any], node: dict[str, Any]) -> str:
    """The command that logs in to a node and knows its host key."""
    key = user_paths.absolute(project.root(Path.cwd()), outputs["private_key_file"])
    known = outputs.get("known_hosts")
    options = known_hosts.option(known, _from_here(known) if known else "")
    words = ["ssh", "-i", shlex.quote(_from_here(key)), options]
    return " ".join([*filter(None, words), f"{node['user']}@{node['address']}"])


def _from_here(path: Path) -> str:
    """The path to type: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


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
