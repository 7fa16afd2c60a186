"""Stand-ins for installed programs, and real language hosts to talk to."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

from kokunai.airgap import engine as engine_module
from kokunai.airgap.engine import Engine
from kokunai.airgap.wrapper import is_ours
from kokunai.errors import KokunaiError

HOST = (
    sys.executable,
    "-P",
    str(Path(engine_module.__file__).parent / "language_host" / "__main__.py"),
)
ENGINE_ADDRESS = "127.0.0.1:1"  # nobody listens there


def write_program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def program() -> Callable[[Path, str], Path]:
    """Writes a shell script that stands for an installed program."""
    return write_program


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; nothing of Pulumi or Go is on PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", os.defpath)
    return tmp_path / "cache" / "kokunai" / "engine"


class Host:
    """A language host in its own process, as the engine spawns it."""

    def __init__(
        self,
        process: subprocess.Popen[str],
        port: int,
        stub: language_pb2_grpc.LanguageRuntimeStub,
    ) -> None:
        self.process = process
        self.port = port
        self.stub = stub


@contextlib.contextmanager
def open_host(*command: str) -> Iterator[Host]:
    """Start a language host and connect to it."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    assert process.stderr
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Host(process, port, language_pb2_grpc.LanguageRuntimeStub(channel))
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


@pytest.fixture
def host() -> Iterator[Host]:
    with open_host(*HOST, ENGINE_ADDRESS) as host:
        yield host


@pytest.fixture
def host_that_ignores_interrupts() -> Iterator[Host]:
    """A host started as by `pulumi up &` in a script: the shell lets it ignore SIGINT."""
    with open_host("sh", "-c", 'trap "" INT; exec "$@"', "sh", *HOST, ENGINE_ADDRESS) as host:
        yield host


@pytest.fixture
def waiting_host() -> Iterator[Host]:
    """A host that was started by hand and waits for an engine to attach."""
    with open_host(*HOST) as host:
        yield host


def describe_directory(directory: Path, **options: str) -> language_pb2.ProgramInfo:
    info = language_pb2.ProgramInfo(
        root_directory=str(directory), program_directory=str(directory), entry_point="."
    )
    info.options.update(options)
    return info


@pytest.fixture
def describe() -> Callable[..., language_pb2.ProgramInfo]:
    """Describes a project's directory with its runtime options, as the engine does."""
    return describe_directory


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine with our language host, built once on a machine where it is missing.

    An official one on PATH would be used before ours, so it is taken off.
    """
    search = os.environ["PATH"].split(os.pathsep)
    closed = [entry for entry in search if not has_official(Path(entry))]
    monkeypatch.setenv("PATH", os.pathsep.join(closed))
    try:
        return engine_module.find_or_build_engine()
    except KokunaiError as error:
        pytest.skip(error.en)


def has_official(directory: Path) -> bool:
    programs = ("pulumi", "pulumi-language-python")
    return not is_ours(directory) and any((directory / name).exists() for name in programs)
