"""Platforms: which roles their nodes get, and what the roles must know of them."""

from __future__ import annotations

import functools
from typing import Any

from pydantic import BaseModel, ConfigDict

from kokunai import catalog
from kokunai.errors import KokunaiError


class Platform(BaseModel):
    """A kind of machine as it is handed over: a GPU in a virtual machine, a board of eight."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    vendor: str
    roles: tuple[str, ...]
    """Roles of the playbooks, in the order in which site.yml runs them."""
    collective_settings_file: str
    """The file the vendor's collective library reads for all users of a host."""
    driver_version: str = ""
    """The GPU driver's version that the roles install; empty where they install none."""
    nccl_bandwidth_threshold_gbps: float = 0
    """Bus bandwidth that a node must reach, in gigabytes per second; 0 where none is known."""
    source: str
    as_of: Any


@functools.cache
def platforms() -> dict[str, Platform]:
    """All platforms by key."""
    rows = catalog.load("platforms.yaml")["platforms"]
    return {key: Platform(key=key, **row) for key, row in rows.items()}


def platform(key: str) -> Platform:
    """The platform of this key. Raises KokunaiError naming all platforms."""
    if row := platforms().get(key):
        return row
    known = ", ".join(platforms())
    raise KokunaiError(
        ja=f"プラットフォーム {key} は登録されていません。指定できるもの: {known}",
        en=f"platform {key} is not known; allowed: {known}",
    )
