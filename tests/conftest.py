"""Fixtures every area uses: where the project is, and broken stack files as data."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def project() -> Path:
    """Folder with Pulumi.yaml."""
    return ROOT
