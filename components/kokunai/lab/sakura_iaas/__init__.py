"""The emulator of Sakura's IaaS API, and the variables that make Sakura's clients call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.lab.credentials import credentials_of

if TYPE_CHECKING:
    from kokunai.lab.emulators import Lab, Service
    from kokunai.lab.places import Places


class SakuraIaas:
    """The registered emulator; implements the protocol Emulator."""

    name = "sakura_iaas"
    prefix = "/cloud/zone"

    def environment(self, places: Places) -> dict[str, str]:
        """The variables that Sakura's own tools and Kokunai's driver read."""
        credentials = credentials_of(places)
        return {
            "SAKURA_API_ROOT_URL": f"{places.url}{self.prefix}",
            "SAKURA_ACCESS_TOKEN": credentials.token,
            "SAKURA_ACCESS_TOKEN_SECRET": credentials.secret,
            "SAKURA_ZONE": "is1a",
        }

    def open(self, lab: Lab) -> Service:
        """Make the service; its modules are imported late, so that `environment` is quick."""
        from kokunai.lab.sakura_iaas.service import SakuraIaasService

        return SakuraIaasService(lab)


EMULATOR = SakuraIaas()
