"""An emulator of its own for each test that asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from emulator import AT_ONCE, Api, Recorder, open_emulator

from kokunai.lab.delays import Delays
from kokunai.lab.machines import Machines


@pytest.fixture
def open_api(tmp_path) -> Iterator[Callable[..., Api]]:
    """Opens emulators; the same directory twice is the same lab after a restart."""
    opened: list[Api] = []

    def open_(name: str = "lab", machines: Machines | None = None, delays: Delays = AT_ONCE) -> Api:
        opened.append(open_emulator(tmp_path / name, machines or Recorder(), delays))
        return opened[-1]

    yield open_
    for api in opened:
        if not api.http.is_closed:
            api.stop()


@pytest.fixture
def api(open_api) -> Api:
    return open_api()
