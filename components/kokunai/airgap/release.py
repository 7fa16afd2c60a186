"""Which engine this project was run against, and the oldest that will do."""

import re

VERSION = "v3.259.0"
OLDEST = (3, 225, 0)
OLDEST_GO = (1, 25, 11)
"""What the go.mod of that version asks for."""
INSTALLER = "https://www.pulumi.com/docs/install/"


def read_version(text: str) -> tuple[int, int, int] | None:
    """Return the first version in `text`: `v3.259.0`, `go1.25`, `3.260.0-alpha.1`."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def format_version(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
