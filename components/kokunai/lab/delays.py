"""The delays of an emulated provider, so that clients have to wait as with the real one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Delays:
    """Seconds of each slow step; the defaults are just long enough that a client has to poll."""

    copy_seconds: float = 1.0
    """Copying an archive to a disk, and making an appliance."""
    boot_seconds: float = 0.2
    """Between the request to switch on and the moment the host starts."""
    stop_seconds: float = 0.2
    """Between the end of the host and the moment the API shows it as off."""

    @classmethod
    def parse(cls, values: dict[str, Any]) -> Delays:
        """Delays from the options of `kokunai lab up`; keys of other versions are ignored."""
        names = {field.name for field in fields(cls)}
        return cls(**{key: float(value) for key, value in values.items() if key in names})
