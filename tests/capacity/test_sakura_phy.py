"""The driver `sakura-phy` on the emulator of Sakura's PHY API."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest
from suite import CapacitySuite

from kokunai import capacity, catalog, model, resolved
from kokunai.plugin.sakura.dedicated import fleet, session, work
from kokunai.plugin.sakura.module import sakura
from support.phy_catalogue import OFFER, phy_offer, sellers

if TYPE_CHECKING:
    import kokunai
    from kokunai.parts import Part

__all__ = ["phy_offer", "sellers"]


@pytest.mark.usefixtures("phy_offer")
class TestSakuraPhy(CapacitySuite):
    offer = OFFER
    module = sakura
    config: ClassVar = {}

    @pytest.fixture(autouse=True)
    def quick_phy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The emulator has no delays, so lists may be young and waits short."""
        monkeypatch.setattr(fleet, "SHORTEST_BEAT_SECONDS", 0.02)
        monkeypatch.setattr(fleet, "_BEAT_SECONDS_EACH", 0.0)
        monkeypatch.setattr(session, "POWER_POLL_SECONDS", 0.02)
        monkeypatch.setattr(work, "LOCK_GRACE_SECONDS", 0.2)
        monkeypatch.setattr(work, "CHOICE_SECONDS", 0.02)

    def declared(self, settings: kokunai.StackSettings) -> list[Part]:
        """Two nodes; networks come with a contract and are not made."""
        [offer] = [row for row in catalog.offers() if row.key == self.offer]
        door = capacity.door(offer.driver)
        spec = model.GpuNodePool(
            name="train",
            site=offer.site,
            gpu=offer.gpu,
            offer=offer.key,
            node_count=2,
            image="ubuntu-22.04",
        )
        pool = resolved.pool(spec, offer, None, [])
        return [*door.shared_parts(pool, settings), *door.parts(pool, settings)]
