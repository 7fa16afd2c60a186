"""An ordinary user's lab lives in namespaces of its own; commands that need its hosts go there."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


def enter(directory: Path) -> None:
    """Run this command again beside the hosts of a lab that was started; else return."""
    from kokunai.lab.record import read_record

    record = read_record(directory)
    if record:
        enter_new(directory, record.hosts)


def enter_new(directory: Path, hosts: str) -> None:
    """Run this command again where the hosts of this kind will be; returns where that is here."""
    from kokunai.lab.record import places_of

    if os.geteuid() == 0 or hosts == "none":
        return
    from kokunai.lab.hosts import inside, prepare

    prepare(lambda line: click.echo(line, err=True), "rootless")
    prefix = inside(places_of(directory))
    os.execvp(prefix[0], [*prefix, sys.executable, *sys.argv])  # noqa: S606 - replaces this process
