"""A copy of the catalogue that a test may add files to; import the fixture where it is needed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kokunai import catalog
from kokunai.catalog import facts, rows


@pytest.fixture
def sellers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the catalogue that a test may add files to."""
    copy = tmp_path / "catalogue"
    shutil.copytree(Path(catalog.__file__).parent, copy)
    monkeypatch.setattr(rows, "_folder", lambda: copy)
    _forget()
    yield copy / "sellers"
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    rows._files.cache_clear()
    rows.section.cache_clear()
    facts.seller_providers.cache_clear()
    facts.packages.cache_clear()
    facts.operators.cache_clear()
    facts.hosts.cache_clear()
