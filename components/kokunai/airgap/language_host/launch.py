"""Ties a process to its parent's life, then becomes the wanted command."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` dies, however it dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        sys.exit(1)


if __name__ == "__main__":
    # A shell without job control has its background commands ignore it, which they would inherit.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with(int(sys.argv[1]))
    try:
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - a list of arguments, no shell
    except OSError as error:
        sys.exit(f"{sys.argv[2]}: {error.strerror}")
