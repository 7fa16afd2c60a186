"""Ties a process to its parent's life, then becomes the wanted command."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies, however it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the line above.
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    # A background command of a shell without job control ignores SIGINT, and so would its child.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _die_with(int(sys.argv[1]))
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        sys.exit(f"{sys.argv[2]}: {error.strerror}")
