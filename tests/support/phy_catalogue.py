"""A catalogue with an offer of Sakura's dedicated servers, whatever the real one sells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.catalogue import sellers as sellers  # noqa: PLC0414 - a fixture is imported to be used

if TYPE_CHECKING:
    from pathlib import Path

OFFER = "phy-h100-of-tests"
_ROW = f"""\
offers:
  {OFFER}:
    site: sakura-ishikari
    gpu: h100
    gpu_count: 8
    platform: nvidia-vrt
    product: PHY H100x8
    seller: sakura
    operator: sakura
    price: {{jpy_per_month: 2436896, minimum_months: 2}}
    driver: sakura-phy
    source: made up for tests
    as_of: 2026-11-28
"""


@pytest.fixture
def phy_offer(sellers: Path) -> str:
    """The key of the offer."""
    (sellers / "tests-phy.yaml").write_text(_ROW)
    return OFFER
