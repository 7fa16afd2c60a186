"""Runs commands for a project with its own state, the engine, and the lab on this machine."""

from __future__ import annotations

import os
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kokunai import project
from kokunai.cli import stacks
from kokunai.cli.stacks import STATE
from kokunai.errors import KokunaiError
from kokunai.language import worded

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
    _folder(state / "state")
    ours = {
        "PULUMI_BACKEND_URL": stacks.backend_url(root),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase(state / "passphrase")),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # In a user namespace the user is root, and the engine would take root's home instead.
        "PULUMI_HOME": str(Path.home() / ".pulumi"),
    }
    kept = {key: value for key, value in ours.items() if key not in os.environ}
    if "PULUMI_CONFIG_PASSPHRASE" in os.environ:
        kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    return {**kept, **engine_environment()}


def _lab_environment(directory: Path) -> dict[str, str]:
    from kokunai.lab.emulators import environment_of
    from kokunai.lab.state_file import places_of

    return environment_of(places_of(directory)) if directory.exists() else {}


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _passphrase(path: Path) -> Path:
    """A random passphrase made once; only its owner may read it."""
    if not path.exists():
        _folder(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
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
    from kokunai.cli.namespaces import enter

    root = project.root(Path.cwd())
    if stacks.is_real(root, stacks.of_command(root, command)):
        variables = project_environment(root)
    else:
        enter(root / STATE / "lab")
        variables = environment(root)
        tell_replaced(variables)
    try:
        os.execvpe(command[0], command, {**os.environ, **variables})
    except FileNotFoundError:
        raise KokunaiError(
            ja=f"{command[0]} が見つかりません。", en=f"{command[0]} was not found."
        ) from None
