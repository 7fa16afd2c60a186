"""Sakura's own unmodified Go client against the emulator, from an empty account to an empty one."""

import os
import subprocess
from pathlib import Path

import pytest
from go_program import built

from kokunai.lab.delays import Delays
from kokunai.lab.emulators import environment_of

pytestmark = pytest.mark.e2e
SOURCE = Path(__file__).parent / "sakura_client"
SHORT = Delays(copy_seconds=0.3, boot_seconds=0.1, stop_seconds=0.1)


@pytest.fixture
def sakura_client():
    """The program, built once for each version of its source."""
    return built(SOURCE, "sakura-client", "build", ".")


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
