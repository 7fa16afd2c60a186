"""A second driver inherits the suite with a few lines of its own, here the made-up `acme`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.made_up_house import House

pytestmark = pytest.mark.slow


def test_the_made_up_driver_passes_the_suite(tmp_path: Path):
    said = House(tmp_path / "house").pytest("tests/capacity/test_acme.py")

    passed = re.search(r"^(\d+) passed in", said, re.MULTILINE)
    assert passed, said
    assert int(passed[1]) >= 7
