"""Hosts of kind `rootless`: lab and clients run inside namespaces of an ordinary user."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError
from kokunai.lab.hosts.light import Light
from kokunai.lab.hosts.shell import run

if TYPE_CHECKING:
    from kokunai.lab.places import Places

USER_NAMESPACE = ("unshare", "--user", "--map-auto", "--map-root-user", "--mount")
_MARK = "KOKUNAI_NAMESPACES_OF"
_START_LIMIT_SECONDS = 10.0
# Network namespaces are named by files in /run, where only the machine's root may write; so the
# namespaces get their own /run.
_HOLD = "mount -t tmpfs tmpfs /run && ip link set lo up && exec sleep infinity"


class Rootless(Light):
    """How a rootless host is launched: like a light one, by the root of a user namespace."""

    kind: str = "rootless"
    limits: str = (
        "一般ユーザーの名前空間の中で動きます: ホストへは `kokunai lab exec` からのみ届き、"
        "中から外部には出られません。systemd はなく、カーネルは共有です。NFS と GPU は模擬です。"
        " Runs in an ordinary user's namespaces: hosts are reached through `kokunai lab exec` only,"
        " and nothing inside reaches out. No systemd; the kernel is shared;"
        " NFS and GPUs are simulated."
    )
    _overlay_options = ",userxattr"


def is_inside() -> bool:
    """Whether this process is root of a user namespace and not of the machine."""
    first = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    return os.geteuid() == 0 and int(first[2]) != 2**32 - 1


def why_not() -> str:
    """Why an ordinary user cannot run hosts here; empty if it is possible."""
    if is_inside():
        return ""
    if os.geteuid() == 0:
        return "root には full か light を使います / root has full and light"
    if shutil.which("newuidmap") is None:
        return "apt-get install -y uidmap"
    user = pwd.getpwuid(os.getuid()).pw_name
    if run(*USER_NAMESPACE, "--net", "true", check=False).returncode != 0:
        return (
            f"/etc/subuid と /etc/subgid に {user} の範囲が必要です"
            f" / {user} needs a range in /etc/subuid and /etc/subgid (usermod --add-subuids)"
        )
    return ""


def inside(places: Places) -> list[str]:
    """The command prefix that enters the namespaces of this lab, which are made if needed.

    Empty for root and inside of the namespaces.
    """
    if os.geteuid() == 0:
        return []
    pid = _holder(places) or _start_holder(places)
    where = ("--user", "--net", "--mount", "--preserve-credentials", f"--target={pid}")
    return ["nsenter", *where, f"--wd={Path.cwd()}"]


def is_open(places: Places) -> bool:
    """Whether the namespaces of an ordinary user's lab exist."""
    return _holder(places) is not None


def leave(places: Places) -> None:
    """End the process that holds the namespaces of a torn-down lab.

    The kernel keeps them while other processes run in them, but they cannot be entered any more.
    """
    while pid := _holder(places):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
        time.sleep(0.02)


def _start_holder(places: Places) -> int:
    if reason := why_not():
        raise KokunaiError(
            ja=f"rootless は使えません: {reason}。",
            en=f"rootless is not possible: {reason}.",
        )
    command = ("setsid", "--fork", *USER_NAMESPACE, "--net", "sh", "-c", _HOLD)
    environment = os.environ | {_MARK: places.lab_id}
    silent = subprocess.DEVNULL
    subprocess.run(command, env=environment, stdin=silent, stdout=silent, stderr=silent, check=True)
    limit = time.monotonic() + _START_LIMIT_SECONDS
    while time.monotonic() < limit:
        if pid := _holder(places):
            return pid
        time.sleep(0.02)
    raise KokunaiError(
        ja="名前空間を作れませんでした。",
        en="the namespaces could not be made.",
    )


def _holder(places: Places) -> int | None:
    """Process id of the sleeping process that keeps the lab's namespaces, found in /proc."""
    wanted = f"{_MARK}={places.lab_id}".encode()
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            asleep = (directory / "comm").read_text(encoding="ascii") == "sleep\n"
            if asleep and wanted in (directory / "environ").read_bytes().split(b"\0"):
                return int(directory.name)
    return None
