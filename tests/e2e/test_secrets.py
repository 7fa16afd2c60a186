"""A secret of the stack's configuration appears nowhere in clear."""

from __future__ import annotations

import threading
from pathlib import Path

from support.pulumi_project import STACK, Sandbox

SECRETS = {
    "kokunai:packageSourceCredentials": "correct-horse-battery-17",
    "kokunai:unused": "staple-never-seen-42",
}


class _CommandLines(threading.Thread):
    """Collects every command line and readable environment on the machine until stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue


def test_a_secret_is_nowhere_in_clear(sandbox: Sandbox):
    sandbox.write_stack()
    for key, value in SECRETS.items():
        sandbox.pulumi("config", "set", "--secret", key, input=value)
    watcher = _CommandLines()
    watcher.start()

    shown = sandbox.up("--verbose", "3", "--logtostderr").stdout
    watcher.ended.set()
    watcher.join()

    assert STACK in shown
    command_lines = b"\n".join(watcher.seen)
    for value in SECRETS.values():
        assert value not in shown
        assert value.encode() not in command_lines
        assert _files_with(sandbox.root / ".kokunai", value) == []
        assert _files_with(sandbox.root / "stacks", value) == []
        assert _files_with(Path("/dev/shm"), value) == []
    assert sandbox.ssh("train-0", "stat -c %a /etc/apt/auth.conf.d/kokunai.conf") == "600"


def _files_with(folder: Path, text: str) -> list[Path]:
    """Files of the controller that hold the text; a host's own disk may hold what it was given."""
    found = []
    for path in folder.rglob("*"):
        if "hosts" in path.relative_to(folder).parts or not path.is_file() or path.is_symlink():
            continue
        if text.encode() in path.read_bytes():
            found.append(path)
    return found
