"""`kokunai lab`: starts, shows and stops the emulated sellers on this machine."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from kokunai import extras, project
from kokunai.cli.local import make_private, tell_replaced
from kokunai.cli.namespaces import enter, enter_new
from kokunai.cli.stacks import STATE
from kokunai.errors import KokunaiError
from kokunai.lab import control
from kokunai.lab.emulators import environment_of
from kokunai.lab.inquiry import State, state_of
from kokunai.lab.machines import HOST_KINDS
from kokunai.lab.state_file import places_of, read_state_file
from kokunai.language import chosen
from kokunai.surroundings import direct_loopback

Command = TypeVar("Command", bound=Callable[..., Any])


def _place(_: click.Context, __: click.Parameter, value: Path | None) -> Path:
    return (value or _directory_of_project()).resolve()


def _directory_of_project() -> Path:
    """The lab's directory in the project; outside of a project, in the current folder."""
    here = Path.cwd()
    return (project.find_root(here) or here) / STATE / "lab"


_directory = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_place,
    envvar="KOKUNAI_LAB_DIRECTORY",
    help="ラボの置き場所 / where the lab lives  [.kokunai/lab]",
)


def _seconds(what: str, text: str) -> Callable[[Command], Command]:
    """An option for one of `Delays`, in seconds, which the lab keeps for later starts."""
    return click.option(
        f"--{what}-seconds",
        type=click.FloatRange(min=0),
        envvar=f"KOKUNAI_LAB_{what.upper()}_SECONDS",
        help=f"{text}",
    )


_as_json = click.option("--json", "as_json", is_flag=True, help="JSON で表示します / print as JSON")


@click.group(name="lab")
def lab() -> None:
    """このマシンで動くクラウドのエミュレーターです。 / Emulators of the sellers on this machine."""


def _told(message: str) -> None:
    click.echo(chosen(message), err=True)


@lab.command()
@_directory
@click.option(
    "--hosts",
    type=click.Choice(HOST_KINDS),
    envvar="KOKUNAI_LAB_HOSTS",
    help="ホストの種類。省略時はこのマシンで最良のもの / kind of hosts, else the best here",
)
@_seconds(
    "copy", "ディスクのコピーにかかる秒数。次回も同じ / seconds that copying a disk takes; kept"
)
@_seconds("boot", "起動にかかる秒数。次回も同じ / seconds that switching on takes; kept")
@_seconds("stop", "停止にかかる秒数。次回も同じ / seconds that switching off takes; kept")
def up(directory: Path, hosts: str | None, **delays: float | None) -> None:
    """起動します。動いていれば何もしません。 / Start; already running is fine."""
    extras.require("lab")
    if directory.parent.name == STATE.name and not directory.exists():
        make_private(directory.parent)
    with control.reporting_file_errors():
        enter_new(directory, hosts or "")
    given = {name: value for name, value in delays.items() if value is not None}
    state = control.up(directory, hosts or "", given, _told)
    _show_kind(state)


def _show_kind(state: State) -> None:
    machines = state["machines"]
    running = chosen("ラボ稼働中 / lab running")
    click.echo(f"{running}: http://127.0.0.1:{state['port']} ({machines['kind']})")
    click.echo(chosen(machines["limits"]))


@lab.command()
@_directory
@click.option("--purge", is_flag=True, help="保存した状態も消します / also delete the stored state")
def down(directory: Path, *, purge: bool) -> None:
    """止めてホストを片付けます。 / Stop, and remove every host."""
    enter(directory, start=True)
    control.down(directory, purge=purge, progress=_told)
    click.echo(chosen("ラボを止めました。 The lab is down."))


@lab.command()
@_directory
@_as_json
def status(directory: Path, *, as_json: bool) -> None:
    """動いているものを示します。なければ終了コード 1。 / What runs; exit code 1 for nothing."""
    enter(directory)
    state = state_of(directory)
    if as_json:
        click.echo(json.dumps(state, ensure_ascii=False, indent=2))
    elif state is None:
        click.echo(f"{chosen('ラボは動いていません / The lab is not running')}: {directory}")
    else:
        _show_kind(state)
        _show_servers(state)
    sys.exit(0 if state else 1)


def _show_servers(state: State) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in state["counts"].items())
    click.echo(counts)
    for server in [*state["servers"], *state["appliances"]]:
        addresses = " ".join(address for address in server["addresses"] if address)
        line = (server["id"], server["status"].ljust(8), server["zone"], server["name"], addresses)
        click.echo("  ".join(line))
        if server["problem"]:
            click.echo(f"    {server['problem']}")


@lab.command()
@_directory
@click.option("-f", "--follow", is_flag=True, help="表示し続けます / keep following")
def logs(directory: Path, *, follow: bool) -> None:
    """ログを表示します。 / Print the daemon's log."""
    log = places_of(directory).log
    if not log.exists():
        raise KokunaiError(ja=f"ログがありません: {log}", en=f"There is no log: {log}")
    if follow:
        os.execvp("tail", ["tail", "-n", "200", "-F", str(log)])
    with control.reporting_file_errors(), log.open(encoding="utf-8", errors="replace") as lines:
        shutil.copyfileobj(lines, sys.stdout)


@lab.command()
@_directory
@_as_json
def env(directory: Path, *, as_json: bool) -> None:
    """ラボを指す環境変数を表示します。 / Print export lines that point at the lab."""
    if read_state_file(directory) is None:
        _told(
            "起動前です。ポートは変わることがあります。 Not started yet; the port may still change."
        )
    values = environment_of(places_of(directory))
    if as_json:
        click.echo(json.dumps(values))
        return
    tell_replaced(values)
    for name, value in values.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@lab.command(name="exec", context_settings={"ignore_unknown_options": True})
@_directory
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(directory: Path, command: tuple[str, ...]) -> None:
    """ラボの環境変数でコマンドを実行します。 / Run a command with the lab's environment."""
    enter(directory)
    own = environment_of(places_of(directory))
    environment = {**os.environ, **direct_loopback(os.environ), **own}
    try:
        done = subprocess.run(command, env=environment, check=False)
    except OSError as problem:
        raise KokunaiError(
            ja=f"{command[0]} を実行できません: {problem}",
            en=f"{command[0]} could not be run: {problem}",
        ) from None
    sys.exit(done.returncode)


@lab.command(name="hand-over")
@_directory
@click.argument("description", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--contract-file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="書き出す契約ファイル / the contract file to write",
)
@click.option(
    "--public-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="ホストに入れる公開鍵 / the key that opens the hosts  [.kokunai/ssh/id_ed25519.pub]",
)
def hand_over(
    directory: Path, description: Path, contract_file: Path, public_key: Path | None
) -> None:
    """契約のホストを起動し、契約ファイルを書きます。 / Start a contract's hosts, write its file."""
    from kokunai.cli.hand_over import deliver

    enter(directory)
    key = public_key or directory.parent / "ssh/id_ed25519.pub"
    with control.reporting_file_errors():
        text = deliver(places_of(directory), description, key.read_text("utf-8").strip())
        contract_file.write_text(text, encoding="utf-8")
    click.echo(f"{chosen('契約ファイルを書きました / wrote the contract file')}: {contract_file}")
