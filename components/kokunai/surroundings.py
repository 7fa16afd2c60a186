"""Makes our processes behave alike in every shell: whose packages count, the home, the terminal.

The standard library only, because a foreign package on PYTHONPATH must not be imported first.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EXCEPTIONS = ("no_proxy", "NO_PROXY")
_OF_GRPC = "no_grpc_proxy"


def prefer_installed_packages() -> None:
    """Search PYTHONPATH last: an old package there must not hide one that we were installed with.

    What is nowhere else is still found, such as an emulator of one's own.
    """
    given = os.environ.get("PYTHONPATH", "")
    if sys.flags.ignore_environment or not given:
        return
    named = {os.path.abspath(entry) for entry in given.split(os.pathsep)}  # noqa: PTH100 - as Python itself does, without resolving links
    later = [entry for entry in sys.path if os.path.abspath(entry) in named]  # noqa: PTH100 - see above
    sys.path[:] = [entry for entry in sys.path if entry not in later] + later


def accept_any_terminal() -> None:
    """Print question marks for what a terminal's encoding lacks, where Python would fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def home() -> Path:
    """The user's home. Raises KokunaiError where neither HOME nor the system tells one."""
    try:
        return Path.home()
    except RuntimeError:
        raise KokunaiError(
            ja="ホームディレクトリが分かりません。環境変数 HOME を設定してください。",
            en="the home directory is not known; set the environment variable HOME",
        ) from None


def direct_loopback(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that keep calls on this machine away from a proxy, which cannot reach its ports.

    Other exceptions and the proxy for everything else stay.
    """
    names = (*_EXCEPTIONS, *((_OF_GRPC,) if environment.get(_OF_GRPC) else ()))
    # Programs read one spelling or the other, so each gets what either had.
    both = [environment[name] for name in _EXCEPTIONS if environment.get(name)]
    made = {}
    for name in names:
        texts = both if name in _EXCEPTIONS else [environment[name]]
        entries = [part.strip() for text in texts for part in text.split(",") if part.strip()]
        made[name] = "*" if "*" in entries else ",".join(dict.fromkeys([*entries, *LOOPBACK]))
    return made
