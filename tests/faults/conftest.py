"""How much of the fault matrix runs: a sample, or all of it with KOKUNAI_FAULTS=all."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def everything() -> bool:
    """Whether the whole matrix was asked for."""
    return os.environ.get("KOKUNAI_FAULTS") == "all"
