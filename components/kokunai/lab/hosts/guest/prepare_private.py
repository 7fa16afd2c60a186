"""Mounts a host's file systems with the ids of its user namespace; started beside the host.

Arguments: the machine's id for user 0 of the host, the shared root, the disk, an empty directory in
memory, then NAME=DIRECTORY of what else the host is shown; `--` and what follows is not for here.
Afterwards the directory in memory holds `root`, the names, and `user`: the user namespace that the
network namespace of this process belongs to.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys
from pathlib import Path
from typing import Any

_NS_GET_USERNS = 0xB701
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_OPEN_TREE_CLONE, _RECURSIVE = 1, 0x8000
_EMPTY_PATH, _FROM_EMPTY_PATH = 0x1000, 4
_ATTR_IDMAP, _HERE = 0x0010_0000, -100
_MS_BIND = 4096
_PR_SET_SECUREBITS, _KEEP_CAPABILITIES = 28, 4
_libc = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _call(what: str, number: int, *arguments: Any) -> int:
    return _checked(what, _libc.syscall(number, *arguments))


def show(source: str, target: Path, user_namespace: int) -> None:
    """Mount a directory so that its user 0 is the one of the user namespace."""
    target.mkdir(parents=True, exist_ok=True)
    tree = _call(
        f"open_tree {source}", _OPEN_TREE, _HERE, os.fsencode(source), _OPEN_TREE_CLONE | _RECURSIVE
    )
    attributes = _Attributes(_ATTR_IDMAP, 0, 0, user_namespace)
    size = ctypes.sizeof(attributes)
    flags = _EMPTY_PATH | _RECURSIVE
    _call(
        f"mount_setattr {source}", _MOUNT_SETATTR, tree, b"", flags, ctypes.byref(attributes), size
    )
    place = os.fsencode(target)
    _call(f"move_mount {target}", _MOVE_MOUNT, tree, b"", _HERE, place, _FROM_EMPTY_PATH)
    os.close(tree)


def _mount(source: str, target: Path, kind: bytes | None, flags: int, options: str) -> None:
    words = (os.fsencode(source), os.fsencode(target), kind, flags, options.encode())
    _checked(f"mount {target}", _libc.mount(*words))


def main() -> None:
    first, place = int(sys.argv[1]), Path(sys.argv[4])
    lower, disk, _, *rest = sys.argv[2:]
    shown = rest[: rest.index("--")] if "--" in rest else rest
    network = os.open("/proc/self/ns/net", os.O_RDONLY)
    users = fcntl.ioctl(network, _NS_GET_USERNS)
    (place / "user").touch()
    _mount(f"/proc/self/fd/{users}", place / "user", None, _MS_BIND, "")
    show(os.path.realpath(lower), place / "lower", users)
    show(os.path.realpath(disk), place / "disk", users)
    for name, _, directory in (entry.partition("=") for entry in shown):
        show(directory, place / name, users)
    for name in ("root", "inner"):
        (place / name).mkdir()
    # The files that the overlay makes for itself belong to who mounts it, so that is the host's
    # root, with the machine's capabilities.
    _checked("prctl", _libc.prctl(_PR_SET_SECUREBITS, _KEEP_CAPABILITIES, 0, 0, 0))
    os.setresgid(first, first, first)
    os.setresuid(first, first, first)
    layers = f"lowerdir={place}/lower,upperdir={place}/disk/upper,workdir={place}/disk/work"
    _mount("overlay", place / "root", b"overlay", 0, f"index=off,{layers}")


if __name__ == "__main__":
    main()
