"""Says where shared storage may be mounted: nowhere that hides what a node needs to run."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from kokunai.problems import refusal

FORM = r"^(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*|/\.[A-Za-z0-9_-][A-Za-z0-9._-]*)+$"
"""Plain names between slashes; neither `.` nor `..` is one."""
_LONGEST = 200
# What a Linux system keeps where its file hierarchy standard says. A list of what is refused, and
# not of what is allowed: people mount data at /data, /work, /lustre, /fs/team and a hundred more.
_SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/efi",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/lost+found",
    "/proc",
    "/run",
    "/sbin",
    "/snap",
    "/sys",
    "/tmp",  # noqa: S108 - a name in a list, where nothing is written
    "/usr",
    *(f"/var/{name}" for name in ("backups", "cache", "crash", "db", "empty", "lib")),
    *(f"/var/{name}" for name in ("lock", "log", "mail", "run", "snap", "spool", "tmp")),
)
_LOCAL = tuple(map(PurePosixPath, ("/usr/local/share", "/usr/local/src", "/var/cache")))
"""Below these a site keeps what is its own; what is there already is refused on the host."""
_ONLY_THEMSELVES = ("/root", "/var")
"""Directories that hold what a node needs, and below which there is room for more."""
_OF_LOGINS = (".ssh", ".ansible", ".bashrc", ".profile")
"""What a login needs in its home."""


def mount_path(text: str) -> str:
    """Refuse what is no plain absolute path, and directories of the operating system."""
    if not re.fullmatch(FORM, text) or len(text) > _LONGEST:
        raise refusal(
            f"英数字、. _ - と / だけの絶対パス（例 /mnt/datasets、{_LONGEST} 文字以内）を"
            "指定してください",
            "must be an absolute path of letters, digits, . _ - and / such as /mnt/datasets, "
            f"at most {_LONGEST} characters",
        )
    path = PurePosixPath(text)
    home = PurePosixPath("/root")
    hides_login = any(path.is_relative_to(home / name) for name in _OF_LOGINS)
    is_local = any(parent in path.parents for parent in _LOCAL)
    is_systems = any(map(path.is_relative_to, _SYSTEM)) and not is_local
    if text in _ONLY_THEMSELVES or hides_login or is_systems:
        raise refusal(
            f"{text} は OS が管理する場所で、マウントするとノードが動かなくなることがあります。"
            "/mnt/名前、/data、/srv/名前 などにしてください",
            f"{text} is managed by the operating system, and a mount there may break the nodes; "
            "use for example /mnt/NAME, /data or /srv/NAME",
        )
    return text


def with_parents(mount: str) -> list[str]:
    """The path and every directory above it but the root, from the path upwards."""
    path = PurePosixPath(mount)
    return [str(path), *(str(parent) for parent in path.parents if parent != parent.parent)]


def hides_login(mount: str, login_user: str) -> bool:
    """Whether a mount would hide the keys with which the user of an image logs in."""
    home = PurePosixPath("/root" if login_user == "root" else f"/home/{login_user}")
    path = PurePosixPath(mount)
    return home.is_relative_to(path) or any(path.is_relative_to(home / one) for one in _OF_LOGINS)
