"""The pack as the engine runs it: a process that answers over gRPC."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

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
    """Starts a copy of the pack with its own waivers and environment."""
    running = []

    def start(waivers: str = "", **environment: str) -> ServedPack:
        copy = tmp_path / "policies"
        shutil.copytree(PACK, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "waivers.yaml").write_text(waivers)
        served = serve(copy, project_folder, PYTHONPATH=str(copy), **environment)
        running.append(served)
        return served.__enter__()

    yield start
    for served in running:
        served.__exit__(None, None, None)
