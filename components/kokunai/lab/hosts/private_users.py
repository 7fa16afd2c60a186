"""Gives a host user ids of its own, so that its root is nobody on the machine.

The network namespace is made inside of the host's user namespace, which belongs to it from then on
and lives as long; whoever starts the host finds the one by the other.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from kokunai.errors import KokunaiError
from kokunai.lab.hosts.names import NAMESPACES
from kokunai.lab.hosts.shell import run

PREPARE = Path(__file__).parent / "guest" / "prepare_private.py"
_TRYING = threading.Lock()
_ID_COUNT = 65_536
_FIRST_ID, _RANGE_COUNT = 0x1000_0000, 16_384
"""Ranges far above those that a machine gives its people and services."""


def first_id(name: str) -> int:
    """The machine's id for user 0 of the host with this namespace."""
    number = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % _RANGE_COUNT
    return _FIRST_ID + number * _ID_COUNT


def add_namespace(name: str) -> None:
    """Make a named network namespace that belongs to a user namespace of its own."""
    with subprocess.Popen(
        ("unshare", "--user", "--net", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin  # noqa: S101 - opened as a pipe
        assert holder.stdout  # noqa: S101 - opened as a pipe
        holder.stdin.write(b"\n")
        holder.stdin.flush()
        holder.stdout.readline()  # its answer means that it is inside
        row = f"0 {first_id(name)} {_ID_COUNT}\n"
        for table in ("uid_map", "gid_map"):
            Path(f"/proc/{holder.pid}/{table}").write_text(row, "ascii")
        run("ip", "netns", "attach", name, str(holder.pid))


def why_not() -> str:
    """Why hosts cannot have ids of their own here, found by trying once; empty where they can.

    Hosts boot at once in several threads, which must all get the same answer.
    """
    with _TRYING:
        return _tried()


@functools.cache
def _tried() -> str:
    name = f"kk-trial-{os.getpid()}"
    script = (
        'mkdir -p "$1/lower" "$1/disk/upper" "$1/disk/work" "$1/place"\n'
        'mount -t tmpfs tmpfs "$1/place"\n'
        '"$2" -I -S "$3" "$4" "$1/lower" "$1/disk" "$1/place"\n'
        'cd "$1/place/root"; exec nsenter --user=../user unshare --mount touch file\n'
    )
    separate = ("unshare", "--mount", "--propagation", "private", "sh", "-euc", script, "sh")
    with tempfile.TemporaryDirectory(prefix="kokunai-ids-") as made:
        try:
            add_namespace(name)
            arguments = (made, sys.executable, str(PREPARE), str(first_id(name)))
            network = f"--net={NAMESPACES / name}"
            done = run("nsenter", network, *separate, *arguments, check=False)
        except (OSError, KokunaiError) as problem:
            return str(problem)
        finally:
            run("ip", "netns", "delete", name, check=False)
    return "" if done.returncode == 0 else done.stderr.strip()[-200:] or "unknown"
