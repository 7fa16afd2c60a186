"""The driver `sakura-iaas` on the emulator of Sakura's IaaS API."""

from __future__ import annotations

from typing import ClassVar

from suite import CapacitySuite, Made

from kokunai.plugin.sakura.module import sakura


class TestSakuraIaas(CapacitySuite):
    offer = "sakura-vrt-h100"
    module = sakura
    config: ClassVar = {"sakuraCallsPerSecond": 1000}
    has_storage = True

    def import_id(self, made: Made) -> str:
        """Ids of the API do not tell in which zone they are."""
        return made.id if "/" in made.id else f"{made.inputs['zone']}/{made.id}"
