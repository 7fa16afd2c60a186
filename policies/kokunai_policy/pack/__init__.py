"""Starts the rules as a Pulumi policy pack; handles signals before the slow imports."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def start(main_file: str) -> None:
    """Serve the pack until the engine ends it; `main_file` is the `__main__.py` of the project.

    The project's waivers and facts are in the folder of that file.
    """
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    # These imports take most of a second, and a signal during them must show no traceback.
    from kokunai import extras
    from kokunai.errors import KokunaiError

    try:
        extras.require("policy")
    except KokunaiError as error:
        sys.exit(str(error))
    from kokunai_policy.pack.policies import serve

    serve(Path(main_file).resolve().parent)


def _leave(_signal: int, _frame: object) -> None:
    # The engine ends the pack by a signal; an orderly exit would take seconds.
    os._exit(0)
