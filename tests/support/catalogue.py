"""A copy of the catalogue that a test may add files to; import the fixture where it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kokunai import catalog
from kokunai.catalog import facts, rows


@pytest.fixture
def sellers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the catalogue that a test may add files to."""
    folder = Path(catalog.__file__).parent
    (tmp_path / "sellers").mkdir()
    for file in (folder / "gpus.yaml", *(folder / "sellers").glob("*.yaml")):
        (tmp_path / file.relative_to(folder)).write_bytes(file.read_bytes())
    monkeypatch.setattr(rows, "_folder", lambda: tmp_path)
    _forget()
    yield tmp_path / "sellers"
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    rows._files.cache_clear()
    rows.section.cache_clear()
    facts.seller_providers.cache_clear()
    facts.packages.cache_clear()
