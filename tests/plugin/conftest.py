"""A lab, and a plugin with the kinds of Sakura's IaaS beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from plugin_sakura import plugin

from kokunai.plugin import waiting
from kokunai.plugin.sakura import power
from support.lab_client import LabClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.plugin_engine import Engine


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator has no delays, so waiting for it may be short."""
    monkeypatch.setattr(waiting, "_FIRST_POLL_SECONDS", 0.02)
    monkeypatch.setattr(waiting, "_LONGEST_POLL_SECONDS", 0.1)
    monkeypatch.setattr(waiting, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(waiting, "_LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(power, "_PRESS_AGAIN_SECONDS", 1.0)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabClient]:
    lab = LabClient(tmp_path / "lab")
    lab.start()
    yield lab
    lab.mend()
    lab.stop()


@pytest.fixture
async def engine(lab: LabClient) -> AsyncIterator[Engine]:
    """A configured plugin beside the lab."""
    async with plugin() as engine:
        await engine.configure(lab.config)
        yield engine
