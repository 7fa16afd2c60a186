"""The command line `kokunai`, whose subcommands do what the `pulumi` command does not."""

from __future__ import annotations

import importlib
import os
import sys

import click

from kokunai.cli import usage_errors
from kokunai.cli.help import prepared
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.language import CHOICES, VARIABLE, worded
from kokunai.surroundings import accept_any_terminal, prefer_installed_packages

# A command's module is imported when the command runs, so that --help answers at once.
_COMMANDS = {
    "check": ("kokunai.cli.stack_files", "check"),
    "clean": ("kokunai.cli.clean", "clean"),
    "doctor": ("kokunai.cli.doctor", "doctor"),
    "engine": ("kokunai.cli.engine", "engine"),
    "env": ("kokunai.cli.local", "env"),
    "inventory": ("kokunai.cli.outputs", "inventory"),
    "lab": ("kokunai.cli.lab", "lab"),
    "offers": ("kokunai.cli.offers", "offers"),
    "new": ("kokunai.cli.new", "new"),
    "run": ("kokunai.cli.local", "run"),
    "schema": ("kokunai.cli.stack_files", "schema"),
    "summary": ("kokunai.cli.outputs", "summary"),
}


class _LazyGroup(click.Group):
    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name]
        return prepared(getattr(importlib.import_module(module), attribute))


@click.group(cls=_LazyGroup)
@click.version_option(package_name="kokunai")
def _kokunai() -> None:
    """国内の GPU を Pulumi で使えるようにします。 / GPU clusters on domestic Japanese capacity.

    pulumi 自身がしないことだけをします。表示する言語は環境変数 KOKUNAI_LANG（ja、en、both）で
    選べます。 / Does only what pulumi itself does not do. KOKUNAI_LANG (ja, en, both) chooses the
    language.
    """
    asked = os.environ.get(VARIABLE, "both").strip().lower()
    if asked not in CHOICES:
        raise KokunaiError(
            ja=f"{VARIABLE}={shown(asked, 40)} は使えません。使えるもの: {'、'.join(CHOICES)}",
            en=f"{VARIABLE}={shown(asked, 40)} is not known; allowed: {', '.join(CHOICES)}",
        )


prepared(_kokunai)


def main(arguments: list[str] | None = None) -> None:
    """Entry point; a mistake the user can fix is one message on stderr and exit code 1."""
    prefer_installed_packages()
    accept_any_terminal()
    try:
        _kokunai.main(arguments, prog_name="kokunai", standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(usage_errors.shown(error), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except KokunaiError as error:
        head = worded("エラー", "error", " / ")
        click.echo(click.style(head, fg="red") + f": {error}", err=True)
        sys.exit(1)
