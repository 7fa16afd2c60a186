"""Acme's API as the lab emulates it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kokunai.lab.credentials import credentials_of

if TYPE_CHECKING:
    from kokunai.lab.emulators import Lab, Service
    from kokunai.lab.places import Places


class Acme:
    """The registered emulator."""

    name = "acme"
    prefix = "/acme/v1"

    def environment(self, places: Places) -> dict[str, str]:
        """What the driver reads."""
        return {
            "ACME_API_URL": f"{places.url}{self.prefix}",
            "ACME_API_KEY": credentials_of(places).secret,
        }

    def open(self, lab: Lab) -> Service:
        """Make the service."""
        from kokunai.lab.acme.service import AcmeService

        return AcmeService(lab)


EMULATOR = Acme()
