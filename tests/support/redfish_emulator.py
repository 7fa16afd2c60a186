"""The Redfish emulator of sushy-tools with one fake server; import the fixture where needed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kokunai.drivers.redfish import Login

LOGIN = Login("operator", "staple-of-a-password")


@dataclass(frozen=True)
class Emulator:
    url: str
    certificate: Path

    @property
    def pin(self) -> str:
        der = ssl.PEM_cert_to_DER_cert(self.certificate.read_text())
        return hashlib.sha256(der).hexdigest()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("sushy-emulator", path=here)
    if program is None or shutil.which("openssl") is None:
        pytest.skip("sushy-tools or openssl is not installed")
    folder = tmp_path_factory.mktemp("bmc")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=bmc", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    _write_settings(folder)
    words = [program, "--fake", "-i", "127.0.0.1", "-p", str(port)]
    words += ["--config", folder / "settings", "--ssl-certificate", certificate, "--ssl-key", key]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            words,
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(folder)},
        )
    try:
        _wait_for(port, process)
        yield Emulator(f"https://127.0.0.1:{port}", certificate)
    finally:
        process.kill()
        process.wait()


def _write_settings(folder: Path) -> None:
    # A change of power takes one to eleven seconds by chance; here it always takes one.
    (folder / "sitecustomize.py").write_text("import random\nrandom.randint = lambda low, _: low\n")
    # The password in the form of htpasswd, made with bcrypt at its lowest cost.
    hashed = "$2b$04$Nbd9sc0.hgBYCugRfMMhS.qC5fgc/uJl.ps01nvO66nlJdUrPTDcq"
    (folder / "users").write_text(f"{LOGIN.user}:{hashed}\n")
    server = {
        "uuid": "c7a5fdbd-cdaf-9455-926a-d65c16db1809",
        "name": "n1",
        "power_state": "Off",
        "nics": [{"mac": "00:5c:52:31:3a:9c", "ip": "172.22.0.100"}],
    }
    (folder / "settings").write_text(
        f"SUSHY_EMULATOR_FAKE_SYSTEMS = [{server!r}]\n"
        f"SUSHY_EMULATOR_AUTH_FILE = {str(folder / 'users')!r}\n"
        f"SUSHY_EMULATOR_STATE_DIR = {str(folder)!r}\n"
    )


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    pytest.fail("sushy-emulator did not start")
