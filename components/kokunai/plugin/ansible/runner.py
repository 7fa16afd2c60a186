"""The process of one run, separate because ansible-runner writes its environment to a file."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible_runner

from kokunai import playbooks
from kokunai.plugin.ansible.events import Reducer
from kokunai.plugin.ansible.progress import count_tasks
from kokunai.plugin.ansible.request import Request, inventory
from kokunai.plugin.ansible.run_directory import MARK, private_directory
from kokunai.plugin.ansible.unsafe_data import document

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


class _Stop:
    """Whether SIGTERM came: the plugin asks to stop, or has died."""

    asked = False

    def ask(self, *_: object) -> None:
        self.asked = True


def main() -> None:
    """Read the request from standard input and write records to standard output, one per line."""
    os.umask(0o077)
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.ask)
    # Interrupts are the plugin's to handle; it sends SIGTERM when this process has to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent(int(sys.argv[1]), stop)
    request = Request.from_json(sys.stdin.read())
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def emit(record: dict[str, Any]) -> None:
        try:
            print(json.dumps(record), file=output, flush=True)
        except BrokenPipeError:
            stop.ask()

    with private_directory() as private:
        # Only processes started from here inherit the mark, by which they are found and ended.
        os.environ[MARK] = str(private)
        _run(request, private, emit, stop)


def _die_with_parent(parent: int, stop: _Stop) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # The plugin may have died before this process asked to be told of its death.
    if os.getppid() != parent:
        stop.ask()


def _run(
    request: Request, private: Path, emit: Callable[[dict[str, Any]], None], stop: _Stop
) -> None:
    reducer = Reducer(request.secrets.values())
    (private / "known_hosts").write_text("".join(f"{line}\n" for line in request.known_hosts))
    _prepare_environment(private)
    playbook = _playbook(request, private)
    emit({"record": "total", "tasks": count_tasks(playbook)})

    def keep_no_file(event: dict[str, Any]) -> bool:
        for record in reducer.records(event):
            emit(record)
        return False

    with _MemoryFile(request.secrets) as secrets_file:
        runner = ansible_runner.interface.run(  # type: ignore[no-untyped-call]
            private_data_dir=str(private),
            playbook=str(playbook),
            inventory=_write_inventory(request, private, secrets_file),
            event_handler=keep_no_file,
            cancel_callback=lambda: stop.asked,
            # ansible-runner checks for a cancel when Ansible prints and after this time in seconds.
            settings={"pexpect_timeout": 1, "suppress_ansible_output": True},
            cmdline="--check --diff" if request.check else None,
            forks=request.forks,
            quiet=True,
        )
    lines = (private / "known_hosts").read_text().splitlines()
    emit({"record": "end", "status": runner.status, "known_hosts": lines})


def _write_inventory(request: Request, private: Path, secrets_file: str) -> str:
    file = private / "inventory.json"
    file.write_text(document(inventory(request, private, secrets_file)), encoding="utf-8")
    return str(file)


def _playbook(request: Request, private: Path) -> Path:
    if request.playbook:
        return Path(request.playbook)
    return playbooks.compose(Path(request.project), private / "playbooks")


class _MemoryFile:
    """A JSON file that exists in memory only; its path is open to processes of the same user."""

    def __init__(self, content: object) -> None:
        self._handle = os.memfd_create("kokunai")
        os.write(self._handle, json.dumps(content).encode())

    def __enter__(self) -> str:
        return f"/proc/{os.getpid()}/fd/{self._handle}"

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


def _prepare_environment(private: Path) -> None:
    (private / "ansible.cfg").touch()
    os.environ.update(
        # An empty file, because the user's own ansible.cfg could change how hosts are reached.
        ANSIBLE_CONFIG=str(private / "ansible.cfg"),
        ANSIBLE_HOME=str(private / "home"),
        ANSIBLE_LOCAL_TEMP=str(private / "tmp"),
        ANSIBLE_PIPELINING="1",
        # Kept short, because a socket's path may have 107 bytes and ssh adds 17.
        ANSIBLE_SSH_CONTROL_PATH_DIR=str(private / "cp"),
        ANSIBLE_GATHERING="explicit",
        # ansible-runner would turn it off, and of an option given twice ssh takes the first.
        ANSIBLE_HOST_KEY_CHECKING="True",
        # The arguments of modules, secrets among them, must not go to the hosts' system log.
        ANSIBLE_NO_TARGET_SYSLOG="1",
        ANSIBLE_RETRY_FILES_ENABLED="0",
        ANSIBLE_NOCOLOR="1",
    )


if __name__ == "__main__":
    main()
