"""Runs single commands over SSH on a machine whose host key was told beforehand."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from kokunai.drivers.slurm import Answer
from kokunai.errors import KokunaiError
from kokunai.foreign_text import shown
from kokunai.plugin.ansible import places, ssh_options

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Sequence

    Pipes = tuple[asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamReader]

_KNOWN_AS = "kokunai-login"
_PATIENCE_SECONDS = 60.0
_MOST_BYTES = 4 * 1024 * 1024
_WRONG_KEY = "Host key verification failed"
_NOT_LET_IN = "Permission denied"
# A login shell finds commands that a site puts on the path in its profile, which may print a
# greeting first; settings of the user's for how Slurm's lists look must not count.
_LIST_SETTINGS = r"s/^\(S\(QUEUE\|INFO\|CANCEL\|ACCT\)_[A-Z_]*\)=.*/\1/p"
_PROLOGUE = f"export LC_ALL=C; unset $(env | sed -n '{_LIST_SETTINGS}');"


@dataclass(frozen=True)
class Login:
    """A user on a machine, and how ssh gets there."""

    address: str
    port: int
    user: str
    host_key: str
    """The key that the machine must show, `ssh-ed25519 AAAA...`."""
    private_key_file: str
    ssh_config_file: str = ""

    @property
    def where(self) -> str:
        """As it stands in messages."""
        return f"{self.user}@{self.address}:{self.port}"

    async def run(self, command: Sequence[str], given: str) -> Answer:
        """Run a command without a terminal. Raises KokunaiError where nobody is let in."""
        mark = secrets.token_hex(16)
        inner = f"{_PROLOGUE} echo {mark}; exec {shlex.join(command)}"
        with tempfile.TemporaryDirectory(prefix="kokunai-login-") as folder:
            known_hosts = Path(folder) / "known_hosts"
            known_hosts.write_text(f"{_KNOWN_AS} {self.host_key}\n", encoding="utf-8")
            words = [*self._ssh(known_hosts), shlex.join(["/bin/sh", "-lc", inner])]
            code, output, error = await _finished(words, given.encode())
        _, is_in, printed = output.partition(f"{mark}\n")
        if not is_in:
            self._refuse(error)
        return Answer(code, printed, error)

    def _ssh(self, known_hosts: Path) -> list[str]:
        config = places.ssh_config(self.ssh_config_file)
        options = shlex.split(ssh_options.arguments(known_hosts, config, known_as=_KNOWN_AS))
        checking = ["-o", "StrictHostKeyChecking=yes"]
        key = ["-i", str(places.private_key(self.private_key_file))]
        target = ["-p", str(self.port), "-l", self.user, "--", self.address]
        return ["ssh", *options, *checking, *key, *target]

    def _refuse(self, error: str) -> NoReturn:
        """Say why there is no answer."""
        said = shown(error.strip().rpartition("\n")[2])
        if _WRONG_KEY in error:
            raise KokunaiError(
                ja=f"{self.where} のホスト鍵が契約の鍵と違います。接続していません。"
                "事業者に確かめてください",
                en=f"{self.where} shows another host key than the contract's; nothing was sent to "
                "it. Ask the operator",
            )
        if _NOT_LET_IN in error:
            raise KokunaiError(
                ja=f"{self.where} にログインできません。公開鍵の登録とユーザー名を"
                f"確かめてください: {said}",
                en=f"{self.where} does not let us in; check the registered key and the user: "
                f"{said}",
            )
        raise KokunaiError(
            ja=f"{self.where} から応答がありません: {said}",
            en=f"{self.where} does not answer: {said}",
        )


async def _finished(words: Sequence[str], given: bytes) -> tuple[int, str, str]:
    """Exit status, output and errors; the process never outlives the call."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=places.environment(),
    )
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await _talk(process, given)
    except TimeoutError:
        return 255, "", f"no answer within {_PATIENCE_SECONDS:.0f} seconds"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _talk(process: Process, given: bytes) -> tuple[int, str, str]:
    given_to, *read_from = cast("Pipes", (process.stdin, process.stdout, process.stderr))
    given_to.write(given)
    given_to.close()
    output, error = await asyncio.gather(*map(_read, read_from))
    return await process.wait(), output, error


async def _read(stream: asyncio.StreamReader) -> str:
    """All of it up to a limit; a program that writes more loses its reader."""
    body = bytearray()
    while len(body) < _MOST_BYTES and (chunk := await stream.read(65536)):
        body += chunk
    return body.decode(errors="replace")
