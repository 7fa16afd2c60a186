"""Starts and ends the process that serves S3, on a loopback port that the lab keeps."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from kokunai.errors import KokunaiError

if TYPE_CHECKING:
    from kokunai.lab.places import Places

_ANSWER_SECONDS = 60
"""The first answer comes when the server's libraries are loaded, which takes seconds."""
_STOP_SECONDS = 5
ROOT_HEADER = "X-Lab-Root"
"""With the right token the lab itself may look into every bucket."""


class S3Server:
    """The process begins with the first bucket, and then answers what waited at the port."""

    def __init__(self, places: Places) -> None:
        self._store = places.store("sakura_object_storage")
        self._port_file = self._store.with_suffix(".port")
        self._token = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._opened: socket.socket | None = None

    @property
    def _socket(self) -> socket.socket:
        if self._opened is None:
            self._opened = _listening(self._saved_port())
            self._port_file.write_text(str(self._port), encoding="ascii")
        return self._opened

    @property
    def host(self) -> str:
        """Address and port, as the control API shows its S3 host."""
        return f"127.0.0.1:{self._port}"

    @property
    def _port(self) -> int:
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Start the process unless it runs. Raises KokunaiError where its library is missing."""
        if self._process is not None and self._process.poll() is None:
            return
        if importlib.util.find_spec("moto") is None:
            raise KokunaiError(
                ja="S3 サーバー（moto）がありません。pip install 'kokunai[lab]' を実行してください",
                en="the S3 server (moto) is missing; run pip install 'kokunai[lab]'",
            )
        number = self._socket.fileno()
        command = [sys.executable, "-m", "kokunai.lab.sakura_object_storage.data_plane"]
        self._process = subprocess.Popen(
            [*command, str(self._store), str(number)], stdin=subprocess.PIPE, pass_fds=[number]
        )
        assert self._process.stdin is not None  # noqa: S101 - it was asked for above
        # Not an argument, which every user of the machine could read.
        self._process.stdin.write(f"{self._token}\n".encode())
        self._process.stdin.flush()

    def is_empty(self, bucket: str) -> bool:
        """Whether the bucket holds no object, no earlier version and no unfinished upload."""
        self.start()
        headers = {ROOT_HEADER: self._token}
        for query, mark in (("versions", b"<Key>"), ("uploads", b"<UploadId>")):
            answer = httpx.get(
                f"http://{self.host}/{bucket}?{query}",
                headers=headers,
                timeout=_ANSWER_SECONDS,
                trust_env=False,
            )
            if answer.is_success and mark in answer.content:
                return False
        return True

    def close(self) -> None:
        """End the process, which also ends by itself when its input is closed."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
        if self._opened is not None:
            self._opened.close()

    def _saved_port(self) -> int:
        try:
            return int(self._port_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0


def _listening(port: int) -> socket.socket:
    """A socket at the port of an earlier start, or at a free one where that is taken."""
    for wanted in (port, 0):
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind(("127.0.0.1", wanted))
        except OSError:
            made.close()
            continue
        made.listen(64)
        return made
    raise KokunaiError(
        ja="S3 サーバーのポートを開けません", en="no port could be opened for the S3 server"
    )
