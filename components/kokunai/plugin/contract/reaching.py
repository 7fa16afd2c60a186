"""Asks a host through the OpenSSH client, and only if it shows the key that the contract names."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kokunai import user_paths
from kokunai.foreign_text import shown
from kokunai.plugin.ansible import places, ssh_options
from kokunai.plugin.ansible.run_directory import memory
from kokunai.plugin.contract.answer import MOST_BYTES

_LIMIT_SECONDS = 120.0
_MOST_ERROR_BYTES = 8 * 1024
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True)
class Way:
    """How a host is reached, and as whom."""

    address: str
    host_key: str
    user: str
    private_key_file: str
    port: int = 22
    jump: str = ""
    jump_key: str = ""
    ssh_config_file: str = ""

    @property
    def alias(self) -> str:
        """The host as known_hosts names it."""
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"


class OtherKey(Exception):
    """The host showed another key than the contract's; nothing was sent to it."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__(fingerprint)
        self.fingerprint = fingerprint
        """What it showed; empty where it has no key of this type."""


class Unreachable(Exception):
    """No login: no answer, no route, or the key was not let in. The text is ssh's own."""


def fingerprint(host_key: str) -> str:
    """A public key as OpenSSH shows it, `SHA256:...`."""
    blob = base64.b64decode(host_key.split(" ")[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


async def ask(way: Way, script: str) -> bytes:
    """What the host's shell prints for a script. Raises OtherKey or Unreachable."""
    places.require_programs()
    with tempfile.TemporaryDirectory(prefix="kokunai-look-", dir=memory()) as folder:
        known_hosts = Path(folder) / "known_hosts"
        known_hosts.write_text(_known(way), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *_command(way, known_hosts),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=places.environment(),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_LIMIT_SECONDS):
                output, errors = await _talk(process, script)
                code = await process.wait()
        except TimeoutError:
            raise Unreachable(f"{_LIMIT_SECONDS:.0f} s") from None
        finally:
            await _end(process)
    if code == 255:
        raise _failure(way, errors.decode("utf-8", errors="replace"))
    return output


def _known(way: Way) -> str:
    lines = [f"{way.alias} {way.host_key}"]
    lines += [f"{ssh_options.jump_alias(way.jump)} {way.jump_key}"] if way.jump_key else []
    return "".join(f"{line}\n" for line in lines)


def _command(way: Way, known_hosts: Path) -> list[str]:
    kind = way.host_key.split(" ", 1)[0]
    algorithms = "rsa-sha2-512,rsa-sha2-256" if kind == "ssh-rsa" else kind
    options = {
        "StrictHostKeyChecking": "yes",
        "HostKeyAlgorithms": algorithms,
        "IdentityFile": user_paths.ssh_value(way.private_key_file),
        "Port": str(way.port),
        "User": way.user,
    }
    if way.jump:
        options["ProxyCommand"] = ssh_options.jump_command(
            way.jump, known_hosts, way.private_key_file, way.ssh_config_file, key=way.jump_key
        )
    fixed = ssh_options.arguments(known_hosts, way.ssh_config_file, known_as=way.alias)
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", *shlex.split(fixed), *given, way.address, "exec /bin/sh -s"]


async def _talk(process: asyncio.subprocess.Process, script: str) -> tuple[bytes, bytes]:
    """Send the script and read both streams, each up to its bound."""
    assert process.stdin  # noqa: S101 - all three were opened as pipes
    assert process.stdout  # noqa: S101 - see above
    assert process.stderr  # noqa: S101 - see above
    reading = asyncio.gather(
        _bounded(process.stdout, MOST_BYTES + 1), _bounded(process.stderr, _MOST_ERROR_BYTES)
    )
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(script.encode())
        await process.stdin.drain()
    process.stdin.close()
    output, errors = await reading
    return output, errors


async def _bounded(stream: asyncio.StreamReader, most: int) -> bytes:
    """The beginning of a stream; the rest is read and dropped, so that the sender ends."""
    kept = bytearray()
    while chunk := await stream.read(16 * 1024):
        kept += chunk[: most - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _failure(way: Way, said: str) -> Exception:
    """Which of the two it was, by what ssh says of this very host and not of the jump host."""
    alias = re.escape(way.alias)
    is_other = re.search(rf"Host key for {alias} has changed|host key is known for {alias}", said)
    if is_other or "no matching host key type" in said:
        found = _FINGERPRINT.search(said)
        return OtherKey(found[0] if found else "")
    lines = [line for line in said.splitlines() if line.strip()]
    return Unreachable(shown(" ".join(lines[-3:])))
