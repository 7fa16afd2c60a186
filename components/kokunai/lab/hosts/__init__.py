"""Real Linux hosts for the lab: picks the kind this machine can run and says what it cannot do."""

from __future__ import annotations

from kokunai.lab.hosts.choosing import choose, missing_packages, prepare, probe, tear_down
from kokunai.lab.hosts.rootless import inside, leave

__all__ = ["choose", "inside", "leave", "missing_packages", "prepare", "probe", "tear_down"]
