"""Clears what a killed engine left in a stack's state, so that the next command is not refused.

Only state in files of this machine is touched; where a process may still live, the command that a
person can give is said instead.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kokunai import engine_words, project
from kokunai.cli import stacks, state_files
from kokunai.foreign_text import shown
from kokunai.language import worded
from kokunai.progress import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PROC = Path("/proc")
_FIRST_PID_NAMESPACE = "pid:[4026531836]"
_CONTAINER_NAME = re.compile(r"[0-9a-f]{12}")
_CLOCK_SECONDS = 2.0
_PATIENCE_SECONDS = 120.0
_VERBS = frozenset({"destroy", "import", "preview", "refresh", "up", "update"})
"""Commands that a lock refuses or that warn of pending operations."""


@dataclass(frozen=True)
class Stack:
    """A stack whose state is in files of this machine."""

    project: str
    name: str
    state: Path

    @property
    def locks(self) -> list[Path]:
        """Files of the processes that work on the stack, or did when they died."""
        folder = self.state / ".pulumi/locks/organization" / self.project / self.name
        return sorted(folder.glob("*.json"))

    @property
    def checkpoint(self) -> Path:
        """The file with the stack's resources."""
        return self.state / ".pulumi/stacks" / self.project / f"{self.name}.json"


def clear(root: Path, command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Before a pulumi command: remove locks of dead processes, then creates that are settled."""
    stack = stack_of(root, command, environment)
    verb = engine_words.verb(command)
    if stack is None or verb not in _VERBS:
        return
    for lock in stack.locks:
        _judge_lock(stack, lock)
    if not stack.locks:
        _settle(root, stack, environment, may_write=verb != "preview")


def stack_of(root: Path, command: Sequence[str], environment: Mapping[str, str]) -> Stack | None:
    """The stack that a pulumi command is about; None where its state is not in local files."""
    url = environment.get("PULUMI_BACKEND_URL", "")
    if not command or Path(command[0]).name != "pulumi" or not url.startswith("file://"):
        return None
    name = stacks.of_command(root, command, environment)
    if not name:
        return None
    state = Path(unquote(url.removeprefix("file://")).partition("?")[0]).expanduser()
    return Stack(project.name(root), stacks.short(name), state)


def _judge_lock(stack: Stack, lock: Path) -> None:
    """Remove a lock whose process is certainly dead, saying so; else say how a person would."""
    try:
        content = json.loads(lock.read_text("utf-8"))
        pid, host, since = int(content["pid"]), str(content["hostname"]), str(content["timestamp"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if host == socket.gethostname() and _is_alive(pid, since):
        return  # the engine names the process itself
    who = f"{shown(host, 60)}, pid {pid}"
    if host == socket.gethostname() and _sees_all_processes(host):
        lock.unlink(missing_ok=True)
        say(
            f"終了したプロセス（{who}）のロックを外しました。\n"
            f"Removed the lock of a process that is dead ({who})."
        )
        return
    say(
        worded(
            f"スタック {stack.name} は {who} がロックしています。"
            "そのプロセスが動いていなければ、次のコマンドを実行してください。",
            f"Stack {stack.name} is locked by {who}; if that process is gone:",
        )
        + f"\n  kokunai run -- pulumi cancel --yes --stack {stack.name}"
    )


def _is_alive(pid: int, since: str) -> bool:
    """Whether the process that locked may run, seen from here or from a container on this machine.

    A process that began after the lock was made has only the same number.
    """
    found = [pid, *_inner(pid)]
    return any(_began_before(number, since) for number in found if _exists(number))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _inner(pid: int) -> list[int]:
    """Processes of containers on this machine that have this number there."""
    found = []
    for status in _PROC.glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            numbers = re.search(r"^NSpid:((?:\s+\d+)+)$", status.read_text(), re.MULTILINE)
            if numbers and str(pid) in numbers[1].split()[1:]:
                found.append(int(status.parent.name))
    return found


def _began_before(pid: int, since: str) -> bool:
    """Whether the process began before the lock, or is an engine, whose clock may have been set."""
    try:
        if (_PROC / str(pid) / "comm").read_text().startswith("pulumi"):
            return True
        ticks = int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
        boot = re.search(r"^btime (\d+)$", (_PROC / "stat").read_text(), re.MULTILINE)
        locked = datetime.fromisoformat(re.sub(r"\.\d+", "", since)).timestamp()
    except (OSError, ValueError, IndexError):
        return True
    began = int(boot[1]) + ticks / os.sysconf("SC_CLK_TCK") if boot else 0.0
    return began <= locked + _CLOCK_SECONDS


def _sees_all_processes(host: str) -> bool:
    """Whether every process of a machine of this name is visible here.

    A container may have the name of its machine, whose processes it does not see; one that has a
    name of its own shares it with nobody.
    """
    try:
        namespace = str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return not _PROC.joinpath("self").exists()  # macOS has no containers of its own
    return namespace == _FIRST_PID_NAMESPACE or bool(_CONTAINER_NAME.fullmatch(host))


def _settle(root: Path, stack: Stack, environment: Mapping[str, str], *, may_write: bool) -> None:
    """Clear pending creates of resources that a later run found or made; name the others.

    The engine's import drops every pending operation, so nothing is cleared beside an open one.
    """
    before = _content(stack)
    deployment = state_files.deployment_of(stack.checkpoint) or {}
    pending = deployment.get("pending_operations") or ()
    creating = _pending_creates(deployment)
    existing = {row.get("urn") for row in deployment.get("resources") or () if _is_whole(row)}
    settled = [urn for urn in creating if urn in existing]
    is_all = bool(settled) and len(settled) == len(pending)
    if may_write and is_all and _rewrite(root, stack, environment, before):
        names = _names(settled)
        say(
            f"中断された作成の記録を消しました（その後に完了しています）: {names}\n"
            f"Cleared the record of interrupted creates that were finished later: {names}"
        )
    if waiting := [urn for urn in creating if urn not in existing]:
        names = _names(waiting)
        command = "kokunai run -- pulumi refresh --yes --clear-pending-creates"
        say(
            worded(
                f"作成が中断されています: {names}。次の up が見つけて引き継ぎます。"
                "もう要らなければ、次のコマンドを実行してください。",
                f"Interrupted while being created: {names}; the next up finds and takes over what "
                "exists. Where it is not wanted any more:",
            )
            + f"\n  {command} --stack {stack.name}"
        )


def _names(urns: Iterable[str]) -> str:
    return ", ".join(shown(urn.rpartition("::")[2], 100) for urn in urns)


def _is_whole(row: Mapping[str, Any]) -> bool:
    """Whether a row of the state is the resource itself, and not one that is being replaced."""
    return not row.get("delete") and not row.get("pendingReplacement")


def _content(stack: Stack) -> bytes:
    with contextlib.suppress(OSError):
        return stack.checkpoint.read_bytes()
    return b""


def _pending_creates(deployment: Mapping[str, Any]) -> list[str]:
    return [
        str(operation["resource"]["urn"])
        for operation in deployment.get("pending_operations") or ()
        if operation.get("type") == "creating"
    ]


def _rewrite(root: Path, stack: Stack, environment: Mapping[str, str], before: bytes) -> bool:
    """Take the operations out of the state by the engine's own export and import.

    Nothing is done if the state is another one by now than `before`.
    """
    options = ("--stack", stack.name)
    exported = _pulumi(root, environment, "stack", "export", *options)
    if exported is None:
        return False
    try:
        state = json.loads(exported)
        state["deployment"]["pending_operations"] = []
    except (ValueError, KeyError, TypeError):
        return False
    if _content(stack) != before:
        return False
    text = json.dumps(state)
    return _pulumi(root, environment, "stack", "import", *options, text=text) is not None


def _pulumi(root: Path, environment: Mapping[str, str], *words: str, text: str = "") -> str | None:
    try:
        done = subprocess.run(
            ["pulumi", "--non-interactive", *words],
            cwd=root,
            env=dict(environment),
            input=text,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
