"""The emulator of Sakura's object storage: its control API, and a real S3 server behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kokunai.lab.emulators import Lab, Service
    from kokunai.lab.places import Places


class SakuraObjectStorage:
    """The registered emulator; implements the protocol Emulator."""

    name = "sakura_object_storage"
    prefix = "/cloud/zone/is1a/api/objectstorage/1.0"
    within = "sakura_iaas"
    """The emulator whose paths this one has a part of, as at the seller."""

    def environment(self, places: Places) -> dict[str, str]:
        """The variable that Sakura's own client reads; the credentials are those of the IaaS."""
        return {"SAKURA_ENDPOINTS_OBJECT_STORAGE": f"{places.url}{self.prefix}"}

    def open(self, lab: Lab) -> Service:
        """Make the service; its modules are imported late, so that `environment` is quick."""
        from kokunai.lab.sakura_object_storage.service import ObjectStorageService

        return ObjectStorageService(lab)


EMULATOR = SakuraObjectStorage()
