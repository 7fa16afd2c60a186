"""Runs commands for a project with its own state, the engine, and the lab on this machine."""

from __future__ import annotations

import os
import secrets
import shlex
from pathlib import Path
from urllib.parse import quote

import click

from kokunai import project
from kokunai.errors import KokunaiError
from kokunai.surroundings import direct_loopback, home

STATE = Path(".kokunai")


def environment(root: Path) -> dict[str, str]:
    """The variables for pulumi in the project at `root`; its `.kokunai/` is made where needed.

    State that the caller chose is kept. The API of a lab always wins: mixing a real account's
    token with the lab's address would send the token to the wrong place.
    """
    from kokunai.cli.engine import engine_environment

    state = root / STATE
    make_private(state)
    ours = {
        "PULUMI_BACKEND_URL": f"file://{quote(str(_folder(state / 'state')))}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase(state / "passphrase")),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # In a user namespace the user is root, and the engine would take root's home instead.
        "PULUMI_HOME": str(home() / ".pulumi"),
        "HOME": str(home()),
    }
    kept = {key: value for key, value in ours.items() if key not in os.environ}
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
        kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    direct = direct_loopback(os.environ)
    return {**kept, **direct, **_lab_environment(state / "lab"), **engine_environment()}


def make_private(state: Path) -> None:
    """Make a project's own folder, which nobody else may read; one made earlier is closed too.

    Raises KokunaiError where the project cannot be written to.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.stat().st_mode & 0o077:
            state.chmod(0o700)
    except PermissionError:
        if not state.is_dir() or not os.access(state, os.W_OK):
            raise _unwritable(state, "Permission denied") from None
    except OSError as error:
        raise _unwritable(state, error.strerror or "") from None


def _unwritable(place: Path, reason: str) -> KokunaiError:
    return KokunaiError(
        ja=f"{place} に書けません（{reason}）。書ける場所にプロジェクトをコピーしてください。",
        en=f"{place} cannot be written to ({reason}); copy the project to where you may write",
    )


def _lab_environment(directory: Path) -> dict[str, str]:
    from kokunai.lab.emulators import environment_of
    from kokunai.lab.state_file import places_of

    return environment_of(places_of(directory)) if directory.exists() else {}


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error.strerror or "") from None
    return path


def _passphrase(path: Path) -> Path:
    """A random passphrase made once; only its owner may read it."""
    if not path.exists():
        _folder(path.parent)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise _unwritable(path, error.strerror or "") from None
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path


@click.command()
def env() -> None:
    """環境変数を export 文で表示します。Print the variables: eval "$(kokunai env)"."""
    for key, value in environment(project.root(Path.cwd())).items():
        click.echo(f"export {key}={shlex.quote(value)}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...]) -> None:
    """プロジェクトの環境でコマンドを実行します。Run a command with those variables set."""
    from kokunai.cli import interrupted, passphrases
    from kokunai.cli.namespaces import enter

    root = project.root(Path.cwd())
    enter(root / STATE / "lab")
    passphrases.check(root, command, os.environ, root / STATE / "passphrase")
    variables = {**os.environ, **environment(root)}
    interrupted.clear(root, command, variables)
    try:
        os.execvpe(command[0], command, variables)
    except FileNotFoundError:
        raise KokunaiError(
            ja=f"{command[0]} が見つかりません。", en=f"{command[0]} was not found."
        ) from None
