"""Fixtures of projects that the real engine drives against the lab."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.pulumi_project import Sandbox


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
