"""Implements `Machines` with hosts in namespaces of this machine, for every kind of host."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from kokunai.errors import KokunaiError
from kokunai.lab import removal
from kokunai.lab.hosts import hardware, identity, image, launching, processes
from kokunai.lab.hosts.disk import Disk
from kokunai.lab.hosts.names import Names
from kokunai.lab.hosts.network import Network
from kokunai.lab.hosts.nfs import FileServers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kokunai.lab.hosts.processes import Process
    from kokunai.lab.machines import FilterRule, Machine, NfsAppliance
    from kokunai.lab.places import Places

    Look = Callable[[], list[Process]]

_BOOT_LIMIT_SECONDS = 60.0
_SSH_LIMIT_SECONDS = 30.0
_CLEAN_STOP_LIMIT_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_SSH_PORT = 22


class Launcher(Protocol):
    """The part of a host's start that differs between the kinds of hosts."""

    kind: str
    stop_signal: int

    @property
    def limits(self) -> str:
        """What a host of this kind cannot do."""

    @property
    def has_private_users(self) -> bool:
        """Whether its network namespace belongs to a user namespace of its own."""

    def command(self, machine: Machine, directory: Path) -> tuple[str, ...]:
        """What runs in the host's network namespace until the host is off."""

    def environment(self, server_id: str) -> dict[str, str]:
        """Variables of that command."""

    def wire(self, machine: Machine) -> None:
        """Configure the interfaces before the start where the host does not do it itself."""

    def clean(self, server_id: str) -> None:
        """Remove what only this kind leaves behind; of the whole lab for an empty `server_id`."""


class Fleet:
    """Implements the protocol Machines, where each method is described.

    Thread-safe, one operation at a time per host.
    """

    def __init__(self, places: Places, launcher: Launcher) -> None:
        self._names = Names(places)
        self._launcher = launcher
        self._root = image.directory()
        self._network = Network(self._names)
        self._file_servers = FileServers(self._names, self._network)
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self.kind = launcher.kind

    @property
    def limits(self) -> str:
        return self._launcher.limits

    def ensure_switch(self, switch_id: str) -> None:
        self._network.ensure_switch(switch_id)

    def remove_switch(self, switch_id: str) -> None:
        self._network.remove_switch(switch_id)
        self._rest()

    def boot(self, machine: Machine) -> None:
        with self._locks[machine.server_id]:
            if self._init(machine.server_id) is None:
                self._stop(machine.server_id)
                self._start(machine)
                self._wait(machine)

    def power_off(self, server_id: str, *, force: bool) -> None:
        with self._locks[server_id]:
            if not force:
                self._ask_to_stop(server_id)
            self._stop(server_id)

    def set_filter(
        self, server_id: str, interface_id: str, rules: tuple[FilterRule, ...] | None
    ) -> None:
        running = processes.inode(self._names.server(server_id)) is not None
        if running and self._network.has_port(interface_id):
            self._network.filter(interface_id, rules)

    def remove_machine(self, server_id: str) -> None:
        with self._locks[server_id]:
            self._stop(server_id)
            removal.remove(self._names.machine_directory(server_id))
        self._rest()

    def remove_disk(self, disk_id: str) -> None:
        with self._locks[disk_id]:
            Disk(self._names.disk_directory(disk_id), self._root).remove()

    def host_key(self, disk_id: str) -> str:
        return Disk(self._names.disk_directory(disk_id), self._root).host_key()

    def ensure_nfs(self, appliance: NfsAppliance) -> None:
        with self._locks[appliance.appliance_id]:
            self._file_servers.ensure(appliance)

    def remove_nfs(self, appliance_id: str) -> None:
        with self._locks[appliance_id]:
            self._file_servers.remove(appliance_id)
        self._rest()

    def _rest(self) -> None:
        self._network.tear_down_if_unused(lambda: self._launcher.clean(""))

    def running(self) -> set[str]:
        prefix = f"{self._names.lab}-"
        names = [name for name in self._network.namespaces() if name.startswith(prefix)]
        ids = {processes.inode(name): name.removeprefix(prefix) for name in names}
        alive = [process for process in processes.everything() if process.namespace in ids]
        return {ids[process.namespace] for process in alive if process.is_init()}

    def tear_down(self) -> None:
        """Remove all hosts; the contents of disks and file servers stay in the lab's directory."""
        processes.end_all(self._all_processes)
        self._network.tear_down()
        self._launcher.clean("")
        removal.remove(self._names.hosts / "machines")

    def _start(self, machine: Machine) -> None:
        image.ensure(_silently)
        namespace = self._names.server(machine.server_id)
        self._network.disconnect(namespace, [nic.interface_id for nic in machine.nics])
        private = self._launcher.has_private_users
        self._network.connect(namespace, machine.nics, has_private_users=private)
        Disk(self._names.disk_directory(machine.disk_id), self._root).prepare(machine)
        directory = self._make_directory(machine)
        self._launcher.wire(machine)
        launching.start(
            namespace,
            self._launcher.command(machine, directory),
            mark=self._names.mark(machine.server_id),
            log=directory / "console.log",
            environment=self._launcher.environment(machine.server_id),
        )

    def _make_directory(self, machine: Machine) -> Path:
        """Make a host's run-time directory for its mounted root, its console and its PCI bus."""
        directory = self._names.machine_directory(machine.server_id)
        (directory / "root").mkdir(parents=True, exist_ok=True)
        _point(directory / "lower", self._root)
        _point(directory / "disk", self._names.disk_directory(machine.disk_id))
        hardware.write_bus(directory / "pci", machine.gpu)
        (directory / "ended").unlink(missing_ok=True)
        (directory / "console.log").write_bytes(b"")
        (directory / "machine.json").write_text(identity.describe(machine), encoding="utf-8")
        return directory

    def _wait(self, machine: Machine) -> None:
        """Wait until sshd listens at the configured address; a host without sshd counts as on."""
        begun, init = time.monotonic(), None
        address = next((nic.address for nic in machine.nics if nic.address), "")
        while (waited := time.monotonic() - begun) < _BOOT_LIMIT_SECONDS:
            init = init or self._init(machine.server_id, processes.recently)
            if self._has_ended(machine.server_id):
                break
            if init and (waited > _SSH_LIMIT_SECONDS or _is_reachable(init.pid, address)):
                return
            time.sleep(_LOOK_SECONDS)
        self._refuse_boot(machine.server_id)

    def _refuse_boot(self, server_id: str) -> None:
        console = self._names.machine_directory(server_id) / "console.log"
        said = console.read_text(encoding="utf-8", errors="replace").strip()[-800:]
        self._stop(server_id)
        raise KokunaiError(
            ja=f"ホスト {server_id} が起動しませんでした: {said}。",
            en=f"host {server_id} did not start: {said}.",
        )

    def _has_ended(self, server_id: str) -> bool:
        return (self._names.machine_directory(server_id) / "ended").exists()

    def _ask_to_stop(self, server_id: str) -> None:
        init = self._init(server_id)
        if init is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(init.pid, self._launcher.stop_signal)
        limit = time.monotonic() + _CLEAN_STOP_LIMIT_SECONDS
        while self._processes(server_id) and time.monotonic() < limit:
            time.sleep(_LOOK_SECONDS)

    def _stop(self, server_id: str) -> None:
        """End everything that is left of a host and its links, also after an incomplete start."""
        processes.end_all(lambda: self._processes(server_id))
        self._network.disconnect(self._names.server(server_id), self._interface_ids(server_id))
        self._launcher.clean(server_id)

    def _interface_ids(self, server_id: str) -> list[str]:
        """Interfaces of the last start; if unknown, the kernel removes them with the namespace."""
        path = self._names.machine_directory(server_id) / "machine.json"
        with contextlib.suppress(FileNotFoundError, ValueError):
            return [nic["interface_id"] for nic in json.loads(path.read_text("utf-8"))["nics"]]
        return []

    def _init(self, server_id: str, look: Look = processes.everything) -> Process | None:
        inits = (process for process in self._processes(server_id, look) if process.is_init())
        return next(inits, None)

    def _processes(self, server_id: str, look: Look = processes.everything) -> list[Process]:
        name, mark = self._names.server(server_id), self._names.mark(server_id)
        return processes.select(look(), [name], lambda given: given == mark)

    def _all_processes(self) -> list[Process]:
        prefix = self._names.mark("")
        names = self._network.namespaces()
        return processes.select(
            processes.everything(), names, lambda given: given.startswith(prefix)
        )


def _silently(_: str) -> None:
    """Ignore the progress of building a root, which `prepare` has shown before."""


def _point(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target.resolve())


def _is_reachable(pid: int, address: str) -> bool:
    has_address = not address or processes.has_address(pid, address)
    return has_address and processes.listens(pid, _SSH_PORT)
