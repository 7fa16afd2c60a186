"""Builds the root file system that all hosts share: Debian 12, by the machine's apt settings."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.hosts import apt, image_files, rootless
from kokunai.lab.hosts.shell import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Progress = Callable[[str], None]

_RECIPE = "4"
"""Part of the cache's key, to be raised when the way of building changes."""
_PACKAGES = (
    "ca-certificates chrony dbus ethtool gpgv infiniband-diags iproute2 iputils-ping kmod less"
    " netcat-openbsd nfs-common nftables numactl openssh-server pciutils procps python3"
    " python3-apt sudo systemd systemd-sysv udev"
)
# Without manuals, which nobody reads on a simulated host, a root is 60 MB smaller and takes two
# thirds of the time to build.
_LEFT_OUT = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


def cache_directory() -> Path:
    """Where roots are kept, in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kokunai" / "hosts"


def directory() -> Path:
    """Where the root of this version is, whether or not it has been built."""
    text = f"{_RECIPE} {_PACKAGES} {image_files.digest()}"
    return cache_directory() / hashlib.sha256(text.encode()).hexdigest()[:12] / "root"


def is_built() -> bool:
    """Whether the root of this version is there."""
    return directory().is_dir()


def ensure(progress: Progress) -> Path:
    """Build the root unless the cache has it; an interrupted build leaves nothing in its place."""
    root = directory()
    if root.is_dir():
        return root
    with _locked(root.parent, progress):
        if not root.is_dir():
            _build(root, progress)
    return root


@contextlib.contextmanager
def _locked(directory: Path, progress: Progress) -> Iterator[None]:
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("別の実行がルートを作成中です。 Another run is building the root; waiting.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(root: Path, progress: Progress) -> None:
    for stale in root.parent.glob("building-*"):
        _remove(stale)
    progress(
        "Debian 12 のルートを作成します（初回のみ約 1 分）。"
        " Building the Debian 12 root (a minute, once)."
    )
    directory = Path(tempfile.mkdtemp(prefix="building-", dir=root.parent))
    mask = os.umask(
        0o022
    )  # the caller's own umask could make files that the services of a host cannot read
    try:
        building = directory / "root"
        _run_builder(directory, building, progress)
        image_files.finish(building)
        building.chmod(0o755)
        building.rename(root)
    finally:
        os.umask(mask)
        _remove(directory)
    progress("ルートができました。 The root is ready.")


def _remove(directory: Path) -> None:
    """Remove a root; its files may belong to other ids of the user's range, as `_namespaces`."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        run(*_namespaces(), "rm", "-rf", str(directory), check=False)


def _run_builder(directory: Path, building: Path, progress: Progress) -> None:
    """Run the builder in its own mount and pid namespaces, so that killing it leaves no mount."""
    sources = directory / "machine.sources"
    sources.write_text(apt.sources(), encoding="utf-8")
    # In a file, because all users of the machine could read a proxy's password in a command line.
    options = directory / "machine.conf"
    options.write_text("".join(f"{line}\n" for line in apt.options()), encoding="utf-8")
    command = (
        *("setpriv", "--pdeathsig", "KILL", *_namespaces(), "--pid", "--fork", "--kill-child"),
        *("mmdebstrap", "--mode=root", "--variant=apt", f"--include={','.join(_PACKAGES.split())}"),
        *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT),
        f"--aptopt={options}",
        *(apt.SUITE, str(building), str(sources)),
    )
    said = []
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as builder:
        try:
            for line in builder.stderr or ():
                said.append(line.strip())
                if line.startswith("I: "):
                    progress(f"  {line[3:].strip()}")
        except BaseException:
            builder.kill()  # otherwise leaving the block would wait for the whole build
            raise
    if builder.returncode != 0:
        _refuse(said)


def _namespaces() -> tuple[str, ...]:
    """The command before the builder: an ordinary user becomes root of a user namespace."""
    return ("unshare", "--mount") if os.geteuid() == 0 else rootless.USER_NAMESPACE


def _refuse(said: list[str]) -> None:
    reason = " / ".join([line for line in said if line.startswith(("E:", "W:", "Err:"))][-3:])
    raise KokunaiError(
        ja="Debian のアーカイブを利用できません。"
        f"apt-get update が通るか確認してください: {reason}。",
        en=f"the Debian archive could not be used; check that apt-get update works here: {reason}.",
    )
