"""`kokunai doctor`: says what this machine lacks and with --install installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import click

from kokunai.errors import KokunaiError


@click.command()
@click.option("--install", is_flag=True, help="足りないものを apt で入れる / install with apt-get")
def doctor(*, install: bool) -> None:
    """足りないものを調べます。Say what this machine lacks."""
    from kokunai.lab.hosts import missing_packages

    # An ordinary user gets hosts of kind `rootless`, which need no systemd-nspawn.
    missing = missing_packages("rootless" if os.geteuid() else "full")
    if not missing:
        click.echo("準備できています。 This machine has what the lab needs.")
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    click.echo(f"足りないパッケージ / missing packages: {' '.join(missing)}")
    if not (install and shutil.which("apt-get") and os.geteuid() == 0):
        click.echo(f"入れるには / install with: sudo {' '.join(command)}")
        sys.exit(1)
    _install(command)


def _install(command: list[str]) -> None:
    click.echo(f"実行 / running: {' '.join(command)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
    # A machine that has just started may still be installing its own updates.
    waiting = [*command, "-qq", "-o", "DPkg::Lock::Timeout=300"]
    ended = subprocess.run(waiting, env=quiet, check=False, stdout=subprocess.DEVNULL)
    if ended.returncode:
        raise KokunaiError(
            ja="apt-get で入れられませんでした。理由は上の行にあります。",
            en="apt-get could not install them; the lines above say why.",
        )
