"""Commands on hosts that come and go: no host key is kept, and no setting of the user counts."""

from __future__ import annotations

import subprocess
from pathlib import Path

_OPTIONS = {
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
    "LogLevel": "ERROR",
    "ConnectTimeout": "5",
    "BatchMode": "yes",
    "IdentitiesOnly": "yes",
}


def run(key: Path, address: str, command: str) -> subprocess.CompletedProcess[str]:
    """As root, with this private key."""
    flags = [flag for name, value in _OPTIONS.items() for flag in ("-o", f"{name}={value}")]
    return subprocess.run(
        ["ssh", "-F", "none", "-i", key, *flags, f"root@{address}", command],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def output(key: Path, address: str, command: str) -> str:
    """What a command prints; it must succeed."""
    ended = run(key, address, command)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()
