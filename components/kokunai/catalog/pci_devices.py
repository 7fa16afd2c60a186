"""Names of GPUs by their PCI ids, which a bare host tells without any tool."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kokunai.catalog.rows import load


class Device(BaseModel):
    """A GPU as the registry of PCI ids names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    source: str = Field(min_length=1)
    as_of: Any


@functools.cache
def devices() -> dict[str, Device]:
    """All known devices by `vendor:device` in hexadecimal digits."""
    return {key: Device(**row) for key, row in load("pci_devices.yaml")["devices"].items()}
