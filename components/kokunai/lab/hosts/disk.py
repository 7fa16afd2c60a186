"""Keeps boot disks as directories, which are mounted over the shared root when a host is on."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from typing import TYPE_CHECKING

from kokunai.lab import removal
from kokunai.lab.hosts import identity
from kokunai.lab.hosts.shell import run

if TYPE_CHECKING:
    from pathlib import Path

    from kokunai.lab.hosts.identity import Files
    from kokunai.lab.machines import Machine

_HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


class Disk:
    """The contents of a boot disk while no host has it mounted."""

    def __init__(self, directory: Path, root: Path) -> None:
        self.directory = directory
        self._root = root
        self._upper = directory / "upper"
        self._configured = directory / "configured"

    def prepare(self, machine: Machine) -> None:
        """Write the machine's files to the disk: all once, the configuration when it changed."""
        if not (self.directory / "made").exists():
            self._make(machine)
        if self._read_digest() != identity.digest(machine):
            self._configure(machine)
        if machine.gpu is None or not machine.gpu.has_tools:
            (self._upper / identity.NVIDIA_SMI).unlink(missing_ok=True)
        self._write(identity.labels(machine))

    def host_key(self) -> str:
        """The public host key without its comment; empty where there is none yet."""
        with contextlib.suppress(FileNotFoundError):
            text = (self._upper / f"{_HOST_KEY}.pub").read_text(encoding="ascii")
            return " ".join(text.split()[:2])
        return ""

    def remove(self) -> None:
        """Delete the contents; absent is success."""
        removal.remove(self.directory)

    def _make(self, machine: Machine) -> None:
        removal.remove(self.directory)  # a crash may have left an incomplete disk
        self._upper.mkdir(parents=True)
        (self.directory / "work").mkdir()
        self._write(identity.first_boot(machine, uuid.uuid4().hex))
        key = self._upper / _HOST_KEY
        self._make_directories("etc/ssh")
        comment = f"root@{machine.host_name}"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(key))
        (self.directory / "made").touch()

    def _configure(self, machine: Machine) -> None:
        for old in (self._upper / "etc/systemd/network").glob("10-kokunai-lab-*"):
            old.unlink()
        accounts = self._read("etc/shadow"), self._read("etc/passwd")
        self._write(identity.configured(machine, *accounts))
        self._configured.write_text(identity.digest(machine), encoding="ascii")

    def _read_digest(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self._configured.read_text(encoding="ascii")
        return ""

    def _read(self, path: str) -> str:
        upper = self._upper / path
        return (upper if upper.exists() else self._root / path).read_text(encoding="utf-8")

    def _write(self, files: Files) -> None:
        for path, file in files.items():
            self._make_directories(path.rpartition("/")[0])
            # Renaming replaces a symbolic link that a guest may have put there; writing follows it.
            _replace(self._upper / path, file)

    def _make_directories(self, path: str) -> None:
        """Make directories with the shared root's modes, since an overlay shows the upper ones."""
        made, below = self._upper, self._root
        for part in path.split("/"):
            made, below = made / part, below / part
            if _is_directory(made):
                continue
            made.unlink(missing_ok=True)
            made.mkdir()
            made.chmod(stat.S_IMODE(below.stat().st_mode) if below.is_dir() else _new_mode(part))


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _new_mode(name: str) -> int:
    return 0o700 if name == ".ssh" else 0o755


def _replace(path: Path, file: identity.File) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchmod(descriptor, file.mode)
        stream.write(file.content)
    temporary.replace(path)
