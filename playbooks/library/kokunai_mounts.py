#!/usr/bin/python
"""Looks at mount points before anything is mounted: what would be hidden, and what is dead."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: kokunai_mounts
short_description: What is at the mount points of shares now
description:
  - A mount over a directory with files would hide them, so that is refused.
  - A mount whose server is gone, or was made anew, never answers again; it is let go of, so that
    the share can be mounted anew. In check mode it is only told.
options:
  root: {description: Directory that stands for /, type: path, default: /}
  paths: {description: Mount points, type: list, elements: path, required: true}
  patience_seconds: {description: How long a mount may take to answer, type: int, default: 15}
author: Kokunai
"""

RETURN = r"""
dead: {description: Mount points whose mount does not answer, type: list, returned: always}
"""

ARGUMENTS = {
    "root": {"type": "path", "default": "/"},
    "paths": {"type": "list", "elements": "path", "required": True},
    "patience_seconds": {"type": "int", "default": 15},
}

# Lazily and without a look at the path, because the server will not answer.
UMOUNT = (
    *("timeout", "--signal=KILL", "30"),
    *("umount", "--lazy", "--internal-only", "--no-canonicalize"),
)


def mounted(root: Path) -> set[str]:
    """Mount points; the table is read because a look at a dead mount would hang."""
    lines = (root / "proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    return {unescaped(line.split()[1]) for line in lines if len(line.split()) > 1}


def unescaped(path: str) -> str:
    """A path of the mount table, in which spaces and others are octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)


def occupied(root: Path, paths: list[str]) -> list[str]:
    """Paths at which something is that a mount would hide."""
    return [path for path in paths if is_occupied(root / path.lstrip("/"))]


def is_occupied(real: Path) -> bool:
    if not os.path.lexists(real):
        return False
    return not real.is_dir() or any(real.iterdir())


def dead(root: Path, paths: list[str], patience_seconds: float) -> list[str]:
    """Paths that do not answer in time, each asked by a child because the asker may hang."""
    children = {path: _ask(str(root / path.lstrip("/"))) for path in paths}
    deadline = time.monotonic() + patience_seconds
    return [path for path, child in children.items() if not _answers(child, deadline)]


def _ask(path: str) -> int:
    child = os.fork()
    if child:
        return child
    # A child that hangs must not keep the connection open, whose end SSH waits for.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    try:
        # Never answered from a cache, so it reaches the server; a directory without a link is gone.
        os.statvfs(path)
        os._exit(0 if os.stat(path).st_nlink else 1)  # noqa: PTH116 - a child does the least
    except OSError:
        os._exit(1)


def _answers(child: int, deadline: float) -> bool:
    # Asked at least once: another mount may have used up the time, and this one answered long ago.
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.05)
    if ended[0]:
        return ended[1] == 0
    # Not waited for: while the kernel waits for the server it may not be possible to end it.
    os.kill(child, signal.SIGKILL)
    return False


def release(module: AnsibleModule, path: str) -> None:
    """Detach a dead mount; only root of the machine itself may also end what waits for it."""
    code, _, _ = module.run_command([*UMOUNT, "--force", path])
    if code != 0:
        module.run_command([*UMOUNT, path], check_rc=True)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    root, paths = Path(module.params["root"]), module.params["paths"]
    present = mounted(root)
    hidden = occupied(root, [path for path in paths if path not in present])
    if hidden:
        names = ", ".join(hidden)
        module.fail_json(
            msg=f"{names} は空のディレクトリではないので、マウントすると中身が隠れます。"
            "中身を移すか、別のマウント先を指定してください。 "
            f"{names} is not an empty directory, and a mount would hide what is in it; "
            "move that away or choose another mount point."
        )
    gone = dead(
        root, [path for path in paths if path in present], module.params["patience_seconds"]
    )
    for path in [] if module.check_mode else gone:
        release(module, path)
    module.exit_json(changed=bool(gone), paths_changed=gone, dead=gone)


if __name__ == "__main__":
    main()
