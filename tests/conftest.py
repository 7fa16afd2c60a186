"""What every area uses: where the project is, and how assertions outside of test files speak."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("suite", "support")
collect_ignore = ["data"]
ROOT = Path(__file__).parents[1]


@pytest.fixture
def project() -> Path:
    """Folder with Pulumi.yaml."""
    return ROOT
