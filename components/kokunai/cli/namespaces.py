"""Runs a command again inside the namespaces of an ordinary user's lab, where its hosts run."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


def enter(directory: Path, *, start: bool = False) -> None:
    """Run this command again beside the hosts of a started lab; else return.

    `start` enters a stopped lab's namespaces too: only there can its files be removed.
    """
    from kokunai.lab.state_file import places_of, read_state_file

    saved = read_state_file(directory)
    if saved and _are_elsewhere(saved.hosts):
        from kokunai.lab.hosts import is_open

        if start or is_open(places_of(directory)):
            _go(directory)


def enter_new(directory: Path, hosts: str) -> None:
    """Run this command again where the hosts of this kind will be; returns where that is here."""
    if _are_elsewhere(hosts):
        from kokunai.lab.hosts import prepare

        # This must happen before entering, because nothing inside reaches the Debian archive.
        prepare(lambda line: click.echo(line, err=True), "rootless")
        _go(directory)


def _are_elsewhere(hosts: str) -> bool:
    return os.geteuid() != 0 and hosts != "none"


def _go(directory: Path) -> None:
    from kokunai.lab.hosts import inside
    from kokunai.lab.state_file import places_of

    prefix = inside(places_of(directory))
    os.execvp(prefix[0], [*prefix, sys.executable, *sys.argv])  # replaces this process
