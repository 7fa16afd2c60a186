"""Starts the rules as a Pulumi policy pack; signals are answered before anything is imported."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def start(main_file: str) -> None:
    """Serves the pack until the engine ends it; `main_file` is the `__main__.py` of the project.

    The waivers and own facts of the project stand beside that file.
    """
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    # A signal during these imports, which take most of a second, must be quiet, too.
    from kokunai import extras
    from kokunai.errors import KokunaiError

    try:
        extras.require("policy")
    except KokunaiError as error:
        sys.exit(str(error))
    from kokunai_policy.pack.policies import serve

    serve(Path(main_file).resolve().parent)


def _leave(_signal: int, _frame: object) -> None:
    # The engine says goodbye with a signal; a traceback would be noise, waiting costs seconds.
    os._exit(0)
