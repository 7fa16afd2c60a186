"""Finds out which kinds of hosts this machine can run, and why not the others."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.hosts import apt, image, rootless
from kokunai.lab.hosts.fleet import Fleet
from kokunai.lab.hosts.full import Full
from kokunai.lab.hosts.light import Light
from kokunai.lab.hosts.names import Names
from kokunai.lab.hosts.rootless import Rootless
from kokunai.lab.hosts.shell import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from kokunai.lab.machines import Machines
    from kokunai.lab.places import Places

_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
_ENOUGH_INSTANCES = 8192
"""Instances of inotify that a user may have.

Measured: with the kernel's 128 the thirtieth systemd does not start; 64 hosts need some 1,000.
"""

_LAUNCHERS: dict[str, type[Full | Light]] = {
    launcher.kind: launcher for launcher in (Full, Light, Rootless)
}
"""Best first, as machines.HOST_KINDS lists them."""
_TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}


def missing_packages(kind: str = "full") -> list[str]:
    """Debian packages whose tools this machine lacks for a kind."""
    unneeded = () if kind == "full" else ("systemd-nspawn",)
    keyring = [] if apt.KEYRING.exists() else ["debian-archive-keyring"]
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    needed = [tool for tool in _TOOLS if tool not in unneeded]
    missing = {_TOOLS[tool] for tool in needed if not shutil.which(tool, path=path)}
    return sorted([*missing, *keyring])


def probe() -> list[tuple[str, bool, str]]:
    """Every kind, whether it is possible here, and why not; best first."""
    reasons = [(kind, _why_not(kind)) for kind in _LAUNCHERS]
    return [(kind, not reason, reason) for kind, reason in reasons]


def choose(places: Places, kind: str | None = None) -> Machines:
    """Hosts of the wanted kind, or of the best possible. Raises KokunaiError if impossible."""
    chosen = _pick(probe(), kind)
    if chosen == "rootless" and not rootless.is_inside():
        raise KokunaiError(
            ja="rootless のラボは hosts.inside() の中で開きます。",
            en="a rootless lab is opened inside hosts.inside().",
        )
    _refuse_unfit(places.directory)
    return Fleet(places, _LAUNCHERS[chosen](Names(places)))


def tear_down(places: Places) -> None:
    """Remove all hosts of a lab, of any kind, also where none could be booted any more."""
    for kind in _LAUNCHERS.values():
        Fleet(places, kind(Names(places))).tear_down()
    rootless.leave(places)


def prepare(progress: Callable[[str], None], kind: str = "full") -> None:
    """Prepare what the first host needs: tools, limits and the root file system."""
    _refuse_missing(kind)
    _raise_inotify_limit(progress)
    image.ensure(progress)


def prepare_start(progress: Callable[[str], None], kind: str) -> None:
    """Prepare for the wanted kind, or for the best possible where `kind` is empty.

    Impossible kinds are skipped, because `choose` says why. Rootless hosts are prepared before
    their namespaces are entered, because nothing inside reaches the Debian archive.
    """
    possible = [name for name, is_possible, _ in probe() if is_possible]
    chosen = kind or next(iter(possible), "")
    if chosen in possible and chosen != "rootless":
        prepare(progress, chosen)


def _pick(probed: list[tuple[str, bool, str]], kind: str | None) -> str:
    for name, possible, reason in probed:
        if possible and kind in (None, name):
            return name
        if name == kind:
            raise KokunaiError(
                ja=f"種類 {name} は使えません: {reason}。",
                en=f"kind {name} is not possible: {reason}.",
            )
    reasons = "; ".join(f"{name}: {reason}" for name, _, reason in probed)
    raise KokunaiError(
        ja=f"ホストを起動できません: {reasons}。",
        en=f"no kind of host is possible: {reasons}.",
    )


def _why_not(kind: str) -> str:
    if kind != "rootless" and (os.geteuid() != 0 or rootless.is_inside()):
        return "root ではありません / not root"
    if missing := missing_packages(kind):
        return f"apt-get install -y {' '.join(missing)}"
    if kind == "rootless":
        return rootless.why_not()
    if run("unshare", "--mount", "--net", "--pid", "--fork", "true", check=False).returncode != 0:
        return "名前空間を作れません / this machine does not let us make namespaces"
    if kind == "full" and image.is_built():
        return _why_not_nspawn()
    return ""


def _why_not_nspawn() -> str:
    """Why systemd-nspawn does not work here, found by starting the smallest guest; or empty.

    In some containers the program is installed but cannot work.
    """
    guest = ("--quiet", "--keep-unit", "--register=no", "--read-only", "--pipe")
    command = ("systemd-nspawn", *guest, f"--directory={image.directory()}", "true")
    hidden = "mkdir -p /run/systemd/nspawn && mount -t tmpfs tmpfs /run/systemd/nspawn"
    script = f'{hidden} && exec "$@"'
    done = run("unshare", "--mount", "sh", "-c", script, "sh", *command, check=False)
    return "" if done.returncode == 0 else f"systemd-nspawn: {done.stderr.strip()[-200:]}"


def _refuse_missing(kind: str) -> None:
    if missing := missing_packages(kind):
        line = f"apt-get install -y {' '.join(missing)}"
        raise KokunaiError(
            ja=f"次を実行してください: {line}。",
            en=f"tools are missing; run: {line}.",
        )


def _raise_inotify_limit(progress: Callable[[str], None]) -> None:
    try:
        if int(_INSTANCES.read_text()) < _ENOUGH_INSTANCES:
            _INSTANCES.write_text(str(_ENOUGH_INSTANCES))
            progress(f"fs.inotify.max_user_instances={_ENOUGH_INSTANCES}")
    except OSError:
        progress(
            f"{_INSTANCES} を変更できません。多数のホストは起動できません。"
            f" {_INSTANCES} cannot be raised; many hosts may not start."
        )


def _refuse_unfit(directory: Path) -> None:
    """Raises KokunaiError where the directory's file system cannot hold the disks of hosts.

    A disk is the upper layer of an overlay, which for example another overlay cannot be.
    """
    trial = directory / "hosts" / f"trial-{os.getpid()}"
    for name in ("lower", "upper", "work", "root"):
        (trial / name).mkdir(parents=True, exist_ok=True)
    mount = "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root"
    done = run(
        "unshare", "--mount", "sh", "-c", f'cd "$1" && {mount}', "sh", str(trial), check=False
    )
    shutil.rmtree(trial, ignore_errors=True)
    if done.returncode != 0:
        raise KokunaiError(
            ja=f"{directory} では overlay を使えません。--directory で別の場所を指定してください。",
            en=f"{directory} cannot carry an overlay; choose another place with --directory.",
        )
