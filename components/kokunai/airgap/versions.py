"""The version of the engine to build, the oldest usable programs, and reading of versions."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile

VERSION = "v3.274.1"
"""The engine that is built: its modules pkg and sdk are served by Go's module proxies."""
OLDEST_ENGINE = (3, 225, 0)
OLDEST_GO = (1, 26, 6)
"""What the go.mod of that engine asks for."""
INSTALLER = "https://www.pulumi.com/docs/install/"
ANSWER_SECONDS = 20
"""How long a program may take to print its version."""

Version = tuple[int, int, int]


def read_version(text: str) -> Version | None:
    """The first version in `text`: `v3.274.1`, `go1.25`, `3.260.0-alpha.1`."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def format_version(version: Version) -> str:
    """For example `3.274.1`."""
    return ".".join(map(str, version))


def ask_version(command: list[str]) -> Version | None:
    """The version that a program prints; None if the program fails."""
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_SECONDS,
            check=True,
            # Files of a project in the working directory could change the answer or make it fail.
            cwd=tempfile.gettempdir(),
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return read_version(answer.stdout)
