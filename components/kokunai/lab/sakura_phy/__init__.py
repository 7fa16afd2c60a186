"""The emulator of Sakura's PHY API, and the variable that makes its clients call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kokunai.lab.emulators import Lab, Service
    from kokunai.lab.places import Places


class SakuraPhy:
    """The registered emulator; implements the protocol Emulator. Its key is that of Sakura's."""

    name = "sakura_phy"
    prefix = "/cloud/api/dedicated-phy/1.0"

    def environment(self, places: Places) -> dict[str, str]:
        """Where the API is; it takes the credentials of the other API of Sakura's."""
        return {"SAKURA_ENDPOINTS_PHY": f"{places.url}{self.prefix}"}

    def open(self, lab: Lab) -> Service:
        """Make the service; its modules are imported late, so that `environment` is quick."""
        from kokunai.lab.sakura_phy.service import SakuraPhyService

        return SakuraPhyService(lab)


EMULATOR = SakuraPhy()
