"""Sakura's own unmodified Go client against the emulator, from an empty account to an empty one."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kokunai.lab.delays import Delays
from kokunai.lab.emulators import environment_of

pytestmark = pytest.mark.e2e
SOURCE = Path(__file__).parent / "sakura_client"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "kokunai"
SHORT = Delays(copy_seconds=0.3, boot_seconds=0.1, stop_seconds=0.1)


@pytest.fixture
def sakura_client():
    """The program, built once for each version of its source."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    digest = hashlib.sha256()
    for path in sorted(SOURCE.iterdir()):
        digest.update(path.read_bytes())
    program = CACHE / f"sakura-client-{digest.hexdigest()[:12]}"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = program.with_suffix(f".{os.getpid()}")
        command = ["go", "build", "-mod=mod", "-o", str(partial), "."]
        built = subprocess.run(
            command, cwd=_copy(partial), capture_output=True, text=True, check=False
        )
        assert built.returncode == 0, built.stderr
        partial.rename(program)
    return program


def _copy(partial: Path) -> Path:
    """Go writes go.sum beside go.mod; the source tree stays as it is."""
    folder = partial.with_suffix(".source")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCE, folder)
    return folder


def test_sakuras_own_client_finds_nothing_missing(open_api, sakura_client):
    api = open_api(delays=SHORT)
    environment = {**os.environ, **environment_of(api.places)}

    done = subprocess.run(
        [str(sakura_client)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("all done\n")
    assert set(api.wait_until_idle()["counts"].values()) == {0}
