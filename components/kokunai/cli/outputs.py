"""Commands that show the outputs of a stack: nodes, verdicts, inventory and how to log in."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import yaml

from kokunai import project, user_paths, verdict_counts
from kokunai.cli import known_hosts, stacks, state_files, verdict_words, yen
from kokunai.cli.local import environment
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.language import chosen, width, worded, wrapped

_COLOURS = {"pass": "green", "fail": "red", "not-verified": "yellow"}
_NEEDED = {"nodes", "private_key_file"}
_CONFIGURATION = "kokunai:ansible:Configuration"
_CLUSTER = "kokunai:contract:SlurmCluster"
_BOUGHT = (
    ("プール", "pool"),
    ("販売", "offer"),
    ("サイト", "site"),
    ("1 時間", "an hour"),
    ("1 か月", "a month"),
    ("契約期間", "term"),
    ("支払い済み", "paid until"),
    ("金額の出どころ", "price"),
)
_NARROWEST = 20
"""Columns that the last one of a table needs before it is worth wrapping."""


def _told(stack: str, *arguments: str) -> str:
    """What `pulumi stack ...` prints. Raises KokunaiError when it fails, with the way back."""
    root = project.root(Path.cwd())
    reply = subprocess.run(
        ["pulumi", "stack", *arguments, "--stack", stack],
        cwd=root,
        env={**os.environ, **environment(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if reply.returncode == 0:
        return reply.stdout
    state_files.refuse_damaged(root, stack)
    said = shown(reply.stderr)
    raise KokunaiError(
        ja=f"スタック {stack} の出力を読めません。先に pulumi up を実行してください。\n{said}",
        en=f"cannot read the outputs of stack {stack}; run pulumi up first\n{said}",
    )


def stack_outputs(stack: str) -> dict[str, Any]:
    """Outputs of a stack, all verdicts, and what a killed run left open as `interrupted`.

    `known_hosts` is the path of that file, which is written from the state.

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
    file = _kept_keys(stack, state)
    interrupted = state_files.pending(state)
    return {
        **outputs,
        "verified": _verified(state),
        "interrupted": interrupted,
        "known_hosts": file,
    }


def _kept_keys(stack: str, state: dict[str, Any]) -> Path | None:
    """The file of host keys; a checkout that is read-only has none, and is told so."""
    try:
        return known_hosts.keep(project.root(Path.cwd()), stack, known_hosts.lines_of(state))
    except KokunaiError as error:
        click.echo(str(error), err=True)
        return None


def _verified(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Verdicts by pool, host and check, from the state: outputs hold only their number.

    A cluster that is not configured from here has them under the name of its pool.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in state.get("resources") or []:
        if row.get("type") not in {_CONFIGURATION, _CLUSTER} or row.get("delete"):
            continue
        pool, told = row["inputs"]["pool"], (row.get("outputs") or {}).get("verified") or {}
        found[pool] = told if row["type"] == _CONFIGURATION else {pool: told}
    return found


def nodes_of(outputs: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """(pool, node, facts) of every node."""
    return [
        (pool, node, facts)
        for pool, nodes in outputs["nodes"].items()
        for node, facts in nodes.items()
    ]


_stack = click.option("--stack", default="local", show_default=True, help="スタック名 / stack name")
_as_json = click.option("--json", "as_json", is_flag=True, help="JSON で表示します / print as JSON")


@click.command()
@_stack
def inventory(stack: str) -> None:
    """Ansible のインベントリーを表示します。 / Print the stack's Ansible inventory (YAML)."""
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
@_as_json
def summary(stack: str, *, as_json: bool) -> None:
    """ノード、検証結果、ログイン方法を表示します。 / Show nodes, verdicts and how to log in.

    --json のキーは stack、nodes、offers、verified、counts、interrupted、next です。offers は
    スタックの出力にあるときだけです。 / Keys of --json: stack, nodes, offers, verified, counts,
    interrupted, next; offers where the stack exports them.
    """
    outputs = stack_outputs(stack)
    verified = dict(host for pool in outputs["verified"].values() for host in pool.items())
    if as_json:
        click.echo(json.dumps(_as_data(stack, outputs, verified), ensure_ascii=False, indent=2))
        return
    _head("ノード / nodes")
    _show_table([_node_row(name, node) for _, name, node in nodes_of(outputs)])
    if bought := outputs.get("offers"):
        _head("調達（円） / bought (yen)")
        _show_table(
            [
                list(map(yen.said, _BOUGHT)),
                *(_offer_row(pool, offer) for pool, offer in bought.items()),
            ]
        )
    _head("検証 / verified")
    _show_table([row for host, checks in verified.items() for row in _check_rows(host, checks)])
    _show_interrupted(stack, outputs.get("interrupted") or [])
    _show_next_steps(stack, outputs)


def _as_data(stack: str, outputs: dict[str, Any], verified: dict[str, Any]) -> dict[str, Any]:
    return {
        "stack": stack,
        "nodes": outputs["nodes"],
        **({"offers": outputs["offers"]} if outputs.get("offers") else {}),
        "verified": verified,
        "counts": verdict_counts.counts(verified),
        "interrupted": outputs.get("interrupted") or [],
        "next": {
            "inventory": f"{_own_name()} inventory --stack {stack}",
            "destroy": _destroy_command(_own_name(), stack),
        },
    }


def _head(text: str) -> None:
    click.echo(click.style(chosen(text), bold=True))


def _show_interrupted(stack: str, left: list[str]) -> None:
    """What a killed run left open in the state, and the command that clears it."""
    if not left:
        return
    _head("中断された操作 / interrupted operations")
    for operation in left:
        click.echo(f"  {shown(operation)}")
    command = f"{_own_name()} run -- pulumi refresh --clear-pending-creates --stack {stack}"
    why = worded(
        "ステートに残った記録を消すコマンドです。作りかけのものは、次の up が見つけて続けます。",
        "This clears them from the state; the next up finds what was begun and goes on.",
    )
    for line in (*why.splitlines(), command):
        click.echo(f"  {line}")


def _node_row(name: str, node: dict[str, Any]) -> list[str]:
    private = node["private_address"] or "-"
    return [name, node["address"], private, node["gpu"], node["site"], _bought_from(node)]


def _offer_row(pool: str, offer: dict[str, Any]) -> list[str]:
    """How a pool was bought; what nobody has told is said to be unknown."""
    return [
        pool,
        _bought_from(offer),
        f"{offer['site']} ({yen.access(offer.get('access'))})",
        yen.amount(offer, "jpy_per_hour"),
        yen.amount(offer, "jpy_per_month"),
        yen.term(offer),
        offer.get("paid_until") or "-",
        yen.basis(offer),
    ]


def _bought_from(node: dict[str, Any]) -> str:
    """The offer and its seller, and the operator where it is not the seller."""
    seller, operator = node["seller"], node["operator"]
    by = worded("運用", "operated by", " / ")
    resold = "" if seller == operator else f", {by} {operator}"
    return f"{node['offer']} ({seller}{resold})"


def _check_rows(host: str, checks: dict[str, Any]) -> list[list[str]]:
    if not checks:
        why = chosen("検査が終わっていません / no check has run to its end")
        return [[host, "-", "not-verified", why]]
    rows = [
        [host, verdict_words.check(check), result["verdict"], _said(result)]
        for check, result in checks.items()
    ]
    taken = min(
        (result["takenAt"] for result in checks.values() if "takenAt" in result), default=""
    )
    told = chosen(f"判定時刻 {taken} / taken at {taken}")
    return [*rows, [host, "-", "-", told]] if taken else rows


def _said(result: dict[str, Any]) -> str:
    return shown(chosen(result.get("reason") or "") or _plain(result.get("value")))


def _show_table(rows: list[list[str]]) -> None:
    """Print rows with columns as wide as their texts, and verdicts in colour on a terminal."""
    colours = [[_COLOURS.get(cell) for cell in row] for row in rows]
    rows = [[verdict_words.verdict(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for (*row, last), paints in zip(rows, colours, strict=True):
        padded = [
            cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=False)
        ]
        cells = [click.style(cell, fg=fg) for cell, fg in zip(padded, paints, strict=False)]
        first, *rest = _lines(last, 2 + sum(widths[:-1]) + 2 * len(row))
        click.echo("  " + "  ".join([*cells, first]))
        for line in rest:
            click.echo(line)


def _lines(text: str, before: int) -> list[str]:
    """The last column: wrapped below itself on a terminal, one line where a program reads it."""
    room = shutil.get_terminal_size().columns - before
    if not sys.stdout.isatty() or room < _NARROWEST:
        return [text]
    first, *rest = wrapped(text, room)
    return [first, *(" " * before + line for line in rest)]


def _plain(value: Any) -> str:
    """A value as a person writes it: `a=1 b=2` for a mapping, words for a list."""
    if isinstance(value, dict):
        return " ".join(f"{name}={entry}" for name, entry in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _show_next_steps(stack: str, outputs: dict[str, Any]) -> None:
    _head("次に / next")
    kokunai = _own_name()
    steps = []
    for _, _, node in nodes_of(outputs)[:1]:
        # The hosts of an ordinary user's lab can be reached only from inside its namespaces.
        inside = f"{kokunai} lab exec -- " if os.geteuid() and _is_labs(stack) else ""
        steps.append(("ログイン / log in", f"{inside}{_login(outputs, node)}"))
    steps.append(("インベントリー / inventory", f"{kokunai} inventory --stack {stack}"))
    steps.append(("片付け / destroy", _destroy_command(kokunai, stack)))
    column = max(width(chosen(name)) for name, _ in steps)
    for name, command in steps:
        click.echo(f"  {chosen(name)}{' ' * (column - width(chosen(name)))}  {command}")


def _is_labs(stack: str) -> bool:
    return stacks.is_labs(project.root(Path.cwd()), stack)


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
    """`make down` for a stack of the lab where the Makefile takes one down, else what it runs.

    A stack of a real account never gets `make down`, which stops the lab.
    """
    makefile = project.root(Path.cwd()) / "Makefile"
    text = makefile.read_text(encoding="utf-8") if makefile.is_file() else ""
    if "kokunai lab down" in text and _is_labs(stack):
        return "make down" if stack == "local" else f"make down STACK={stack}"
    return f"{kokunai} run -- pulumi destroy --stack {stack}"


def _own_name() -> str:
    """How to call this command here: by its name where PATH leads to it, else by its path."""
    own = Path(sys.argv[0])
    on_path = shutil.which("kokunai")
    return "kokunai" if on_path and own.exists() and own.samefile(on_path) else os.path.relpath(own)
