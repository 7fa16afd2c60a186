"""What a person wants after `pulumi up`: nodes, verdicts, inventory, how to log in and out."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import click
import yaml

from kokunai.cli.local import environment, project_root
from kokunai.errors import KokunaiError

_COLOURS = {"pass": "green", "fail": "red"}


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
    for name, node in outputs["nodes"].items():
        private = node["private_address"] or "-"
        click.echo(
            f"  {name:<12} {node['address']:<16} {private:<16} {node['gpu']:<6} {node['site']}"
        )
    click.echo(click.style("検証 / verified", bold=True))
    for verdicts in outputs["verified"].values():
        for host, checks in verdicts.items():
            _show_checks(host, checks)
    _show_next_steps(stack, outputs)


def _show_checks(host: str, checks: dict[str, Any]) -> None:
    for check, result in checks.items():
        verdict = click.style(
            f"{result['verdict']:<12}", fg=_COLOURS.get(result["verdict"], "yellow")
        )
        detail = result.get("reason") or result.get("value")
        click.echo(f"  {host:<12} {check:<16} {verdict} {detail}")


def _show_next_steps(stack: str, outputs: dict[str, Any]) -> None:
    click.echo(click.style("次に / next", bold=True))
    first = next(iter(outputs["login"].values()), None)
    if first:
        # Hosts of an ordinary user's lab are reached from within its namespaces only.
        inside = "kokunai lab exec -- " if os.geteuid() else ""
        click.echo(f"  ログイン / log in      {inside}{first}")
    click.echo(f"  インベントリー / inventory  kokunai inventory --stack {stack}")
    click.echo("  片付け / destroy       make down")
