"""Runs one of our Ansible modules as Ansible does, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(module: Path, **arguments: Any) -> dict[str, Any]:
    """What the module answers."""
    ended = subprocess.run(
        [sys.executable, module],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=False,
    )
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer
