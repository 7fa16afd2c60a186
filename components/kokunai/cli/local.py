"""Runs commands for a project with its own state, the engine, and the lab on this machine."""

from __future__ import annotations

import os
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kokunai import engine_words, project
from kokunai.cli import stacks
from kokunai.cli.stacks import STATE
from kokunai.errors import KokunaiError
from kokunai.language import worded
from kokunai.surroundings import direct_loopback, home

if TYPE_CHECKING:
    from collections.abc import Mapping


def environment(root: Path) -> dict[str, str]:
    """The variables for pulumi in the project at `root`, with the API of its lab.

    The lab always wins: mixing a real account's token with the lab's address would send the token
    to the wrong place.
    """
    return {**project_environment(root), **_lab_environment(root / STATE / "lab")}


def project_environment(root: Path) -> dict[str, str]:
    """Where programs, engine and state of the project at `root` are; `.kokunai/` is made.

    State that the caller chose is kept.
    """
    from kokunai.cli.engine import engine_environment

    state = root / STATE
    make_private(state)
    _folder(state / "state")
    ours = {
        "PULUMI_BACKEND_URL": stacks.backend_url(root),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase(state / "passphrase")),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # In a user namespace the user is root, and the engine would take root's home instead.
        "PULUMI_HOME": str(home() / ".pulumi"),
        "HOME": str(home()),
    }
    kept = {key: value for key, value in ours.items() if key not in os.environ}
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
        kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    return {**kept, **direct_loopback(os.environ), **engine_environment()}


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


def tell_replaced(variables: Mapping[str, str]) -> None:
    """Say on stderr which credentials of the caller the lab's stand in for."""
    secret = (name for name in variables if name.endswith(("_TOKEN", "_SECRET")))
    names = [name for name in secret if os.environ.get(name, variables[name]) != variables[name]]
    if names:
        listed = ", ".join(names)
        text = worded(
            f"{listed} の代わりに、ラボの値を使います。",
            f"The lab's values are used instead of your {listed}.",
        )
        click.echo(text, err=True)


@click.command()
def env() -> None:
    """Pulumi と kokunai を PATH に加えます。 / Put pulumi and kokunai on the PATH.

    シェルで eval "$(kokunai env)" を実行します。ラボの API は指しません（kokunai lab env）。
    / Run eval "$(kokunai env)" in a shell. It does not point at the lab: kokunai lab env does.
    """
    for key, value in project_environment(project.root(Path.cwd())).items():
        click.echo(f"export {key}={shlex.quote(value)}")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(command: tuple[str, ...]) -> None:
    """プロジェクトの環境でコマンドを実行します。 / Run a command with the project's variables.

    実アカウントのスタックでは、ラボの API を指しません。 / For a stack of a real account they do
    not point at the lab.
    """
    from kokunai.cli import interrupted, passphrases
    from kokunai.cli.namespaces import enter

    root = project.root(Path.cwd())
    is_real = stacks.is_real(root, stacks.of_command(root, command))
    if not is_real:
        enter(root / STATE / "lab")
    passphrases.check(root, command, os.environ, root / STATE / "passphrase")
    given = project_environment(root) if is_real else environment(root)
    if not is_real:
        tell_replaced(given)
    variables = {**os.environ, **given, **_of_a_preview(command)}
    interrupted.clear(root, command, variables)
    try:
        os.execvpe(command[0], command, variables)
    except FileNotFoundError:
        raise KokunaiError(
            ja=f"{command[0]} が見つかりません。", en=f"{command[0]} was not found."
        ) from None


def _of_a_preview(command: tuple[str, ...]) -> dict[str, str]:
    """Without this, a preview serializes the whole stack after each resource, and discards it.

    That is Pulumi 3.274 with state in files or a bucket. A command that changes anything must not
    have it: its checkpoints are what a later run finds after a kill.
    """
    is_preview = Path(command[0]).name == "pulumi" and engine_words.is_preview(command)
    return {"PULUMI_SKIP_CHECKPOINTS": "true"} if is_preview else {}
