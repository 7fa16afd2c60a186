"""The pack as the engine runs it: a process that answers over gRPC."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from served_pack import ServedPack

PACK = Path(__file__).parents[2] / "policies"


@contextmanager
def serve(directory: Path, project: Path, **environment: str) -> Iterator[ServedPack]:
    settings = {
        **os.environ,
        "PULUMI_PROJECT": "example",
        "PULUMI_STACK": "test",
        "PULUMI_DRY_RUN": "true",
        "PULUMI_BACKEND_URL": f"file://{project}",
        **environment,
    }
    settings.pop("SAKURA_API_ROOT_URL", None)
    settings.update(environment, PWD=str(project))
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(directory)],
        cwd=directory,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield ServedPack(process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def project_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "Pulumi.yaml").write_text("name: example\nruntime: python\n")
    return folder


@pytest.fixture(scope="module")
def pack(project_folder) -> Iterator[ServedPack]:
    with serve(PACK, project_folder) as served:
        yield served


@pytest.fixture
def pack_with(tmp_path, project_folder) -> Iterator[Callable[..., ServedPack]]:
    """Starts the pack of a project of one's own: two files, waivers and facts."""
    running = []

    def start(waivers: str = "", facts: str = "", **environment: str) -> ServedPack:
        own = tmp_path / "policies"
        own.mkdir()
        for name in ("__main__.py", "PulumiPolicy.yaml"):
            shutil.copy(PACK / name, own)
        (own / "waivers.yaml").write_text(waivers)
        (own / "facts.yaml").write_text(facts)
        served = serve(own, project_folder, **environment)
        running.append(served)
        return served.__enter__()

    yield start
    for served in running:
        served.__exit__(None, None, None)
