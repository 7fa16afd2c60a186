"""Sandboxes for tests that drive the real engine against the lab."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pulumi_project import Sandbox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.hosts)


@pytest.fixture
def closed_sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A project without a running lab."""
    sandbox = Sandbox(tmp_path)
    yield sandbox
    sandbox.close()


@pytest.fixture
def sandbox(closed_sandbox: Sandbox) -> Sandbox:
    """A project with its lab up and an empty stack."""
    if os.geteuid() or not shutil.which("systemd-nspawn"):
        pytest.skip("hosts of kind `full` need root and systemd-nspawn")
    closed_sandbox.open()
    return closed_sandbox
