"""`kokunai doctor`: says what this machine lacks and with --install installs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import click

from kokunai.errors import KokunaiError
from kokunai.language import chosen, worded


@click.command()
@click.option(
    "--install", is_flag=True, help="足りないものを apt で入れます / install with apt-get"
)
@click.option("--json", "as_json", is_flag=True, help="JSON で表示します / print as JSON")
def doctor(*, install: bool, as_json: bool) -> None:
    """足りないものを調べます。 / Say what this machine lacks.

    --json のキーは ready、missing、install です。足りないものがあれば終了コード 1。 / Keys of
    --json: ready, missing, install. The exit code is 1 where something is missing.
    """
    if install and as_json:
        raise click.UsageError(
            worded("--json に --install は付けられません", "--json takes no --install", " / ")
        )
    from kokunai.lab.hosts import missing_packages

    # An ordinary user gets hosts of kind `rootless`, which need no systemd-nspawn.
    missing = missing_packages("rootless" if os.geteuid() else "full")
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing] if missing else []
    if as_json:
        found = {"ready": not missing, "missing": missing, "install": " ".join(command)}
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        sys.exit(1 if missing else 0)
    if not missing:
        click.echo(chosen("準備できています。 This machine has what the lab needs."))
        return
    click.echo(f"{chosen('足りないパッケージ / missing packages')}: {' '.join(missing)}")
    if not (install and shutil.which("apt-get") and os.geteuid() == 0):
        click.echo(f"{chosen('入れるには / install with')}: sudo {' '.join(command)}")
        sys.exit(1)
    _install(command)


def _install(command: list[str]) -> None:
    click.echo(f"{chosen('実行 / running')}: {' '.join(command)}")
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
